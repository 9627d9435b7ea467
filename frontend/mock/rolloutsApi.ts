/** The rollouts' part of the mock's REST API. */
import type { AnalysisTemplate, Plan, PlanBody, RolloutAction } from '../src/api/types'
import { parseDuration } from '../src/features/rollouts/durations.ts'
import { type Context, type FieldProblem, type Handler, json, page, problem } from './answers.ts'
import { planOf } from './rollouts.ts'

const ME = 'admin'
const ACTIONS: RolloutAction[] = [
  'start',
  'pause',
  'resume',
  'approve',
  'reject',
  'skip-step',
  'promote',
  'abort',
  'retry',
]

function list({ mesh, query }: Context): Response {
  const search = query.get('search')?.toLowerCase() ?? ''
  const wanted = query.get('active')
  const ids = new Set(mesh.rollouts.active().map(({ id }) => id))
  const found = mesh.rollouts
    .all()
    .filter(
      ({ id, service, state, canary }) =>
        (wanted === null || ids.has(id) === (wanted === 'true')) &&
        (!query.get('state') || state === query.get('state')) &&
        (!query.get('service') || service === query.get('service')) &&
        (!query.get('namespace') || service.startsWith(`${query.get('namespace')}/`)) &&
        `${service} ${canary}`.includes(search),
    )
  return page(found)
}

function create({ mesh, body, query }: Context): Response {
  const plan = planOf(body as unknown as PlanBody)
  const faults = faultsOf(plan)
  if (faults.length) return problem(400, 'invalid', faults[0]?.detail ?? '', faults)
  const first = mesh.rollouts.owner(plan.service)
  if (first) {
    const detail = `Rollout ${first.id} of ${plan.service} is under way.`
    return problem(409, 'active_rollout', detail, [
      { path: 'rollout', code: 'active_rollout', detail: first.id },
    ])
  }
  if (query.get('dry_run') === 'true') return json(mesh.rollouts.preview(plan, ME))
  return json(mesh.rollouts.create(plan, ME, body.start !== false), { status: 201 })
}

function faultsOf(plan: Plan): FieldProblem[] {
  const faults: FieldProblem[] = []
  let before = 0
  for (const [index, step] of plan.steps.entries()) {
    if (plan.strategy === 'canary' && 'set_weight' in step) {
      const path = `steps.${index}.set_weight`
      const detail = `${step.set_weight} is not above ${before}`
      if (step.set_weight <= before) faults.push({ path, code: 'not_rising', detail })
      before = step.set_weight
    }
    if ('bake' in step && parseDuration(step.bake) === null) {
      faults.push({ path: `steps.${index}.bake`, code: 'invalid', detail: `'${step.bake}' is no duration` })
    }
  }
  if (plan.strategy === 'canary' && before !== 100) {
    faults.push({ path: 'steps', code: 'incomplete', detail: 'the last weight is 100' })
  }
  return faults
}

const act =
  (action: RolloutAction): Handler =>
  ({ mesh, params, body, request }) => {
    const known = mesh.rollouts.one(params.id)
    if (!known) return problem(404, 'not_found', 'No such rollout.')
    if (!['*', `"${known.version}"`].includes(request.headers.get('If-Match') ?? ''))
      return problem(412, 'stale', 'It changed since you read it.')
    const after = mesh.rollouts.act(known.id, action, ME, String(body.reason ?? ''))
    return after
      ? json(after)
      : problem(409, 'not_now', `${action} means nothing while it is ${known.state}.`)
  }

function preflight({ mesh, body }: Context): Response {
  const id = String(body.service)
  const service = mesh.service(id)
  if (!service) return problem(400, 'invalid', 'No such service.', [])
  const inbound = mesh.traffic(id, 60).in
  const rate = inbound.reduce((sum, edge) => sum + edge.rps, 0)
  const canary = service.versions.find(({ name }) => name === body.canary)
  const owner = mesh.rollouts.owner(id)
  return json({
    checks: [
      { name: 'versions', ok: true, detail: `${service.versions.length} versions are registered` },
      {
        name: 'healthy_canary',
        ok: Boolean(canary?.healthy),
        detail: `${canary?.healthy ?? 0} of ${canary?.instances ?? 0} endpoints of ${body.canary} are healthy`,
      },
      { name: 'traffic', ok: rate > 0, detail: `${rate.toFixed(1)} requests a second over the last minute` },
      {
        name: 'no_active_rollout',
        ok: !owner,
        detail: owner ? `rollout ${owner.id} is under way` : 'nothing else moves this service',
      },
    ],
    rate_rps: rate,
    stable: 'v1',
    versions: service.versions.map(({ name, weight, instances, healthy }) => ({
      name,
      weight,
      instances,
      healthy,
    })),
    active_rollout: owner?.id ?? null,
  })
}

function estimate({ mesh, body }: Context): Response {
  const { service, steps } = body as unknown as Plan
  const rate = mesh.traffic(service, 60).in.reduce((sum, edge) => sum + edge.rps, 0)
  const weights = steps.flatMap((step, index) =>
    'set_weight' in step ? [{ index, share: step.set_weight / 100 }] : [],
  )
  return json({
    baseline_error: 0.00102,
    assumed_error: 0.005,
    rate_rps: rate,
    steps: weights.map(({ index, share }) => ({
      index,
      share,
      minutes_to_detect: share < 0.05 || share === 1 ? null : 260 / (rate * share * 60) + 1.2,
    })),
    total_minutes: 11.5,
  })
}

const TEMPLATE: AnalysisTemplate = {
  name: 'web',
  description: 'Errors, slow requests, and the queue behind them',
  metrics: [
    'errors',
    'latency',
    {
      name: 'queue-depth',
      promql: 'max(queue_depth{service="catalog"})',
      success: 'value < 50',
      failure: 'value >= 200',
      failure_limit: 2,
      consecutive_success: 1,
      inconclusive_limit: 0,
      error_limit: null,
      dry_run: true,
    },
  ],
  created_by: 'ana',
  created_at: '2026-01-01T00:00:00Z',
  updated_at: '2026-01-01T00:00:00Z',
  version: '1',
}

const BACKTEST = {
  windows: 60,
  ticks: [],
  outcome: {
    verdict: 'pass',
    at: null,
    reason: 'E stayed below 2.1 of 200; nothing would have been rolled back',
  },
}

function undo({ mesh, params, body }: Context): Response {
  const service = `${params.namespace}/${params.name}`
  const last = mesh.rollouts.all().find((each) => each.service === service && each.state === 'succeeded')
  if (!last) return problem(409, 'undo_expired', 'Nothing to undo.')
  const plan = planOf({
    service,
    canary: last.stable,
    stable: last.canary,
    strategy: 'blue_green',
    steps: [{ set_weight: 100 }],
  })
  return json(mesh.rollouts.create(plan, ME, true), { status: body ? 201 : 200 })
}

const one = (value: unknown) => (value ? json(value) : problem(404, 'not_found', 'No such rollout.'))

export const ROLLOUTS: [method: string, path: string, handler: Handler][] = [
  ['GET', 'rollouts', list],
  ['POST', 'rollouts', create],
  ['POST', 'rollouts/preflight', preflight],
  ['POST', 'rollouts/estimate', estimate],
  ['GET', 'rollouts/:id', ({ mesh, params }) => one(mesh.rollouts.one(params.id))],
  ['GET', 'rollouts/:id/events', ({ mesh, params }) => page(mesh.rollouts.events(params.id))],
  ['GET', 'rollouts/:id/measurements', ({ mesh, params }) => page(mesh.rollouts.measurements(params.id))],
  ...ACTIONS.map((action): [string, string, Handler] => ['POST', `rollouts/:id/${action}`, act(action)]),
  ['POST', 'services/:namespace/:name/undo', undo],
  ['GET', 'analysis-templates', ({ mesh }) => page([TEMPLATE, ...mesh.templates])],
  [
    'POST',
    'analysis-templates',
    ({ mesh, body }) => {
      mesh.templates.push({ ...TEMPLATE, ...body } as AnalysisTemplate)
      return json(body, { status: 201 })
    },
  ],
  ['POST', 'analysis-templates/:name/backtest', () => json(BACKTEST)],
]
