/** Rollouts in the mock backend: some that stand for every state, and one clock that walks those under way. */
import type * as T from '../src/api/types'
import { parseDuration } from '../src/features/rollouts/durations.ts'
import { kindOf, stepsOfStrategy } from '../src/features/rollouts/steps.ts'
import type { MockMesh } from './mesh.ts'

const iso = (ms: number) => new Date(ms).toISOString()
const SECOND = 1000
const MINUTE = 60 * SECOND
const LOOK_MS = 5 * SECOND
const LIMIT = 200
const UNDO_MS = 30 * MINUTE
const SEEDED_REVISION = 20
const ACTIVE = new Set<T.RolloutState>(['progressing', 'paused', 'promoting', 'rolling_back'])
/** How fast the clock of the mock runs through a plan. */
const HASTE = 4

export function planOf(body: Partial<T.PlanBody> & { service: string; canary: string }): T.Plan {
  const strategy = body.strategy ?? 'canary'
  return {
    service: body.service,
    canary: body.canary,
    stable: body.stable || 'v1',
    strategy,
    steps: body.steps ?? stepsOfStrategy(strategy),
    analysis: {
      interval: '15s',
      alpha: 0.01,
      objective_ms: 300,
      metrics: ['errors', 'latency'],
      min_requests: 200,
      template: '',
      ...body.analysis,
    },
    on_fail: body.on_fail ?? 'rollback',
    approvers: body.approvers ?? [],
    safety: {
      step_deadline: '30m',
      ack_deadline: '60s',
      warm: '30s',
      post_check: '5m',
      dead_man: null,
      sticky: null,
      ...body.safety,
    },
    notify: body.notify ?? [],
  }
}

type Seed = {
  service: string
  canary?: string
  stable?: string
  by: string
  startedAgo: number
  index: number
  phase?: T.StepPhase
  state: T.RolloutState
  pause?: string
  reason: string
  steps?: T.PlanStep[]
  endedAgo?: number
  /** Errors of the canary among its requests so far; the stable version has 0.1 %. */
  bad: number
  total: number
  e: number
}

const GATED: T.PlanStep[] = [
  { set_weight: 10 },
  { bake: '60s' },
  { analyse: {} },
  { set_weight: 50 },
  { bake: '60s' },
  { analyse: {} },
  { approve: {} },
  { set_weight: 100 },
]

const SEEDS: Seed[] = [
  {
    service: 'shop/frontend',
    canary: 'v1',
    stable: 'v0',
    by: 'ana',
    startedAgo: 21 * MINUTE,
    endedAgo: 4 * MINUTE,
    index: 16,
    state: 'succeeded',
    reason: 'v1 had 0.09 % errors in 18,240 requests against 0.10 %; E 0.2 of 200 after the last step',
    bad: 16,
    total: 18240,
    e: 0.2,
  },
  {
    service: 'shop/catalog',
    by: 'admin',
    startedAgo: 64 * MINUTE,
    endedAgo: 61 * MINUTE,
    index: 4,
    state: 'rolled_back',
    reason:
      'Errors: v2 failed 23 of 412 requests (5.58 %) against 8 of 7,810 (0.102 %); E 10¹⁴ of 200 in 2 windows',
    bad: 23,
    total: 412,
    e: 1e14,
  },
  {
    service: 'platform/users',
    canary: 'v2',
    by: 'bruno',
    startedAgo: 7 * MINUTE,
    index: 3,
    phase: 'propagating',
    state: 'paused',
    pause: 'laggards',
    reason: '2 of 11 proxies did not acknowledge revision 33 within 60 s: inventory-v1-0, gateway-0',
    bad: 0,
    total: 96,
    e: 0.9,
  },
  {
    service: 'shop/recommendations',
    canary: 'v2',
    by: 'ana',
    startedAgo: 9 * MINUTE,
    index: 6,
    phase: 'gating',
    state: 'paused',
    pause: 'approval',
    reason: 'Waits for an approval at 50 % by somebody other than ana; E 0.6 of 200 after 11,902 requests',
    steps: GATED,
    bad: 11,
    total: 11902,
    e: 0.6,
  },
  {
    service: 'shop/payments',
    by: 'admin',
    startedAgo: 6 * MINUTE,
    index: 10,
    phase: 'analysing',
    state: 'progressing',
    reason:
      'v2 failed 2 of 1,204 requests (0.166 %) against 0.102 %; E 1.4 of 200, a pass needs less than 10',
    bad: 2,
    total: 1204,
    e: 1.4,
  },
]

const EVENT_OF: Record<T.RolloutAction, string> = {
  start: 'started',
  pause: 'paused',
  resume: 'resumed',
  approve: 'approved',
  reject: 'rejected',
  'skip-step': 'skipped',
  promote: 'promoting',
  abort: 'rolling_back',
  retry: 'retried',
}

type Kept = T.Rollout & { events: T.RolloutEvent[]; measurements: T.Measurement[]; phaseEndsAt: number }

export class MockRollouts {
  private kept = new Map<string, Kept>()
  private last = 10

  constructor(
    private readonly mesh: MockMesh,
    private readonly clock: () => number = Date.now,
  ) {
    for (const seed of SEEDS) this.seed(seed)
  }

  // Reading

  all(): T.Rollout[] {
    return [...this.kept.values()].reverse().map(shown)
  }

  active(): T.Rollout[] {
    return this.all().filter(({ state }) => ACTIVE.has(state))
  }

  one(id: string | undefined): T.Rollout | undefined {
    const kept = this.kept.get(id ?? '')
    return kept && shown(kept)
  }

  events(id: string | undefined): T.RolloutEvent[] {
    return this.kept.get(id ?? '')?.events ?? []
  }

  measurements(id: string | undefined): T.Measurement[] {
    return this.kept.get(id ?? '')?.measurements ?? []
  }

  owner(service: string): T.Rollout | undefined {
    return this.active().find((rollout) => rollout.service === service)
  }

  // Changing

  create(plan: T.Plan, by: string, start: boolean): T.Rollout {
    const kept = this.add(plan, by)
    if (start) this.begin(kept)
    return shown(kept)
  }

  preview(plan: T.Plan, by: string): T.Rollout {
    const kept = this.add(plan, by)
    this.kept.delete(kept.id)
    this.last -= 1
    return shown(kept)
  }

  act(id: string, action: T.RolloutAction, by: string, reason: string): T.Rollout | undefined {
    const kept = this.kept.get(id)
    if (!kept || !mayOf(kept).includes(action)) return undefined
    const said = reason ? `: ${reason}` : ''
    if (action === 'start') this.begin(kept)
    if (action === 'pause') this.to(kept, 'paused', `Paused by ${by}${said}`, 'manual')
    if (action === 'resume') this.to(kept, 'progressing', `Resumed by ${by}${said}`)
    if (action === 'abort' || action === 'reject') this.rollBack(kept, `Ended by ${by}${said}`)
    if (action === 'promote') this.promote(kept, `Promoted in full by ${by}${said}`)
    if (action === 'approve') {
      const { step_index } = kept
      kept.approvals.push({ by, at: iso(this.clock()), step_index, decision: 'approved', reason })
      this.to(kept, 'progressing', `Approved by ${by}${said}`)
      this.nextStep(kept)
    }
    if (action === 'skip-step') {
      this.to(kept, 'progressing', `Step skipped by ${by}${said}`)
      this.nextStep(kept)
    }
    if (action === 'retry') this.to(kept, 'progressing', `Retried by ${by}${said}`)
    this.record(kept, EVENT_OF[action], by, reason)
    return shown(kept)
  }

  /** One second of every rollout under way. */
  tick(): void {
    const now = this.clock()
    for (const kept of this.kept.values()) {
      if (!ACTIVE.has(kept.state)) continue
      this.measure(kept, now)
      if (kept.state === 'paused' || now < kept.phaseEndsAt) continue
      if (kept.state === 'rolling_back') this.finish(kept, 'rolled_back')
      else if (kept.state === 'promoting') this.finish(kept, 'succeeded')
      else this.nextPhase(kept)
    }
  }

  private add(plan: T.Plan, by: string): Kept {
    this.last += 1
    const kept = blank(String(this.last), plan, by, iso(this.clock()))
    this.kept.set(kept.id, kept)
    return kept
  }

  private begin(kept: Kept): void {
    kept.state = 'progressing'
    kept.started_at = iso(this.clock())
    kept.reason = 'Started'
    this.record(kept, 'started', kept.created_by, `${kept.stable} to ${kept.canary}`)
    this.enter(kept, 0)
  }

  private enter(kept: Kept, index: number): void {
    const now = this.clock()
    const previous = kept.steps[index - 1]
    if (previous) Object.assign(previous, { state: 'done', done_at: iso(now) })
    kept.step_index = index
    const step = kept.plan.steps[index]
    const line = kept.steps[index]
    if (!step || !line) {
      this.promote(kept, 'Every step is done')
      return
    }
    Object.assign(line, { state: 'current', started_at: iso(now) })
    kept.step_phase = 'propagating'
    if ('set_weight' in step) this.shift(kept, step.set_weight)
    const lasts = 'bake' in step ? (parseDuration(step.bake) ?? 0) / HASTE : 3 * SECOND
    this.due(kept, now + lasts)
    const kind = kindOf(step)
    if (kind === 'bake' || kind === 'analyse') kept.step_phase = 'analysing'
    if (kind === 'approve') this.to(kept, 'paused', 'Waits for an approval', 'approval')
    if (kind === 'pause') this.to(kept, 'paused', 'Waits until somebody resumes', 'manual')
  }

  private nextPhase(kept: Kept): void {
    if (kept.step_phase === 'propagating') {
      kept.weights.acknowledged = { ...kept.weights.desired }
      kept.step_phase = 'warming'
      this.due(kept, this.clock() + 4 * SECOND)
    } else this.nextStep(kept)
  }

  private nextStep(kept: Kept): void {
    const line = kept.steps[kept.step_index]
    if (line) this.record(kept, 'step', 'system', `step ${kept.step_index + 1}, ${line.kind}`)
    this.enter(kept, kept.step_index + 1)
  }

  private promote(kept: Kept, reason: string): void {
    this.shift(kept, 100)
    for (const step of kept.steps) step.state = 'done'
    kept.step_index = kept.steps.length
    this.to(kept, 'promoting', reason)
    this.due(kept, this.clock() + 20 * SECOND)
  }

  private rollBack(kept: Kept, reason: string): void {
    this.shift(kept, 0)
    this.to(kept, 'rolling_back', reason)
    this.due(kept, this.clock() + 3 * SECOND)
  }

  private finish(kept: Kept, state: 'succeeded' | 'rolled_back'): void {
    kept.finished_at = iso(this.clock())
    kept.weights.acknowledged = { ...kept.weights.desired }
    if (state === 'succeeded') kept.undo_until = iso(this.clock() + UNDO_MS)
    this.to(kept, state, kept.reason)
    this.record(kept, state, 'system', kept.reason)
  }

  private shift(kept: Kept, weight: number): void {
    const { service, stable, canary } = kept
    kept.weights.desired = { [stable]: 100 - weight, [canary]: weight }
    kept.weights.acknowledged = null
    const known = this.mesh.splits[service]
    if (known && canary in known && stable in known) {
      kept.revision = this.mesh.setSplit(service, kept.weights.desired, `rollout ${kept.id}`)
    }
    this.record(kept, 'applied', 'system', `${canary} ${weight} %`)
  }

  private to(kept: Kept, state: T.RolloutState, reason: string, pause: string = ''): void {
    kept.state = state
    kept.pause_reason = pause
    kept.reason = reason
    kept.version = String(Number(kept.version) + 1)
    kept.deadline_at = state === 'progressing' ? iso(this.clock() + 24 * MINUTE) : null
  }

  private due(kept: Kept, at: number): void {
    kept.phaseEndsAt = at
    kept.next_due_at = iso(at)
  }

  private record(kept: Kept, kind: string, actor: string, detail: string, at = this.clock()): void {
    const seq = kept.events.length + 1
    kept.events.push({ seq, at: iso(at), kind, actor, step: kept.step_index, detail, data: {} })
  }

  private measure(kept: Kept, now: number): void {
    const { canary, stable } = kept
    const share = (kept.weights.desired[canary] ?? 0) / 100
    const seen = kept.weights.observed ?? { [stable]: 1, [canary]: 0 }
    const moved = (seen[canary] ?? 0) + (share - (seen[canary] ?? 0)) * 0.5
    kept.weights.observed = { [stable]: 1 - moved, [canary]: moved }
    const [errors] = kept.metrics
    if (!errors || kept.state === 'paused') return
    const requests = Math.round(38 * share)
    errors.canary.total += requests
    errors.baseline.total += 38 - requests
    errors.canary.rate = errors.canary.total ? errors.canary.bad / errors.canary.total : null
    kept.traffic.canary.rps = 38 * share
    kept.traffic.stable.rps = 38 * (1 - share)
    const lastAt = kept.measurements.at(-1)?.at
    if (lastAt && now - Date.parse(lastAt) < LOOK_MS) return
    errors.E = Math.max(0.05, (errors.E ?? 1) * (0.92 + 0.06 * Math.sin(now / 7000)))
    for (const metric of kept.metrics) kept.measurements.push(measurement(kept, metric, now))
    kept.verdict = { ...errors, kind: errors.canary.total < 200 ? 'inconclusive' : 'pass' }
  }

  private seed(seed: Seed): void {
    const now = this.clock()
    const plan = planOf({
      service: seed.service,
      canary: seed.canary ?? 'v2',
      stable: seed.stable,
      steps: seed.steps,
    })
    const kept = this.add(plan, seed.by)
    const started = now - seed.startedAgo
    const ended = seed.endedAgo === undefined ? now : now - seed.endedAgo
    kept.created_at = iso(started)
    kept.started_at = iso(started)
    if (seed.endedAgo !== undefined) kept.finished_at = iso(ended)
    this.record(kept, 'started', seed.by, `${kept.stable} to ${kept.canary}`, started)
    const each = (ended - started) / Math.max(1, seed.index)
    for (const [index, line] of kept.steps.entries()) {
      if (index > seed.index) break
      line.started_at = iso(started + index * each)
      line.state = index < seed.index ? 'done' : 'current'
      if (line.state === 'done') line.done_at = iso(started + (index + 1) * each)
      this.record(kept, 'step', 'system', `step ${index + 1}, ${line.kind}`, started + index * each)
    }
    kept.step_index = seed.index
    kept.step_phase = seed.phase ?? 'done'
    const reached = kept.steps.slice(0, seed.index + 1).findLast(({ kind }) => kind === 'set_weight')
    const weight = seed.state === 'rolled_back' ? 0 : (reached?.weight ?? 0)
    kept.weights = {
      desired: { [kept.stable]: 100 - weight, [kept.canary]: weight },
      acknowledged: seed.pause === 'laggards' ? null : { [kept.stable]: 100 - weight, [kept.canary]: weight },
      observed: { [kept.stable]: 1 - (weight / 100) * 1.03, [kept.canary]: (weight / 100) * 1.03 },
    }
    kept.metrics = metricsOf(seed)
    kept.verdict = { ...(kept.metrics[0] ?? kept.verdict) }
    kept.traffic.canary = {
      rps: (38 * weight) / 100,
      error_rate: seed.bad / seed.total,
      p50_ms: 11.2,
      p95_ms: 24.1,
      p99_ms: 41.7,
      sample: seed.total,
    }
    kept.traffic.stable = {
      rps: 38 - (38 * weight) / 100,
      error_rate: 0.00102,
      p50_ms: 10.9,
      p95_ms: 23.4,
      p99_ms: 38.2,
      sample: 7810,
    }
    this.history(kept, seed, started, ended)
    this.to(kept, seed.state, seed.reason, seed.pause)
    if (seed.state === 'succeeded') kept.undo_until = iso(ended + UNDO_MS)
    if (seed.endedAgo !== undefined) this.record(kept, seed.state, 'system', seed.reason, ended)
    else if (seed.pause) this.record(kept, 'paused', 'system', seed.reason, now - MINUTE)
    kept.revision = this.seedRevision(seed.pause === 'laggards' ? 2 : 0, ended)
    this.due(kept, now + 34 * SECOND)
  }

  /** A revision that every proxy runs but the last `late` ones, which never will. */
  private seedRevision(late: number, at: number): number {
    const revision = SEEDED_REVISION + Number(this.last)
    const { proxies } = this.mesh
    const acked = proxies.length - late
    this.mesh.revisions.set(revision, {
      revision,
      state: late ? 'partial' : 'applied',
      committed_at: iso(at),
      published_at: iso(at + 30),
      applied_at: late ? null : iso(at + 212),
      error: '',
      change_id: null,
      proxies: { total: proxies.length, acked, nacked: 0, waiting: 0, offline: late },
      detail: proxies.map(({ id, service }, index) => ({
        proxy: id,
        service,
        status: index < acked ? ('acked' as const) : ('offline' as const),
        error: '',
        at: index < acked ? iso(at + 200) : null,
      })),
    })
    return revision
  }

  private history(kept: Kept, seed: Seed, from: number, to: number): void {
    const looks = Math.min(80, Math.floor((to - from) / (15 * SECOND)))
    for (let look = 1; look <= looks; look += 1) {
      const part = look / looks
      const wobble = 1 + 0.3 * Math.sin(look * 1.7)
      const at = from + part * (to - from)
      for (const metric of kept.metrics) {
        const e = metric.name === 'errors' ? seed.e ** part * wobble : 0.8 ** (part * 6) * wobble
        kept.measurements.push(measurement(kept, { ...metric, E: e }, at))
      }
    }
  }
}

function shown({ events: _, measurements: __, phaseEndsAt: ___, ...rollout }: Kept): T.Rollout {
  return { ...rollout, may: mayOf(rollout) }
}

/** What the table of states allows the mock's one user, an administrator. */
function mayOf({ state, pause_reason }: T.Rollout): T.RolloutAction[] {
  if (state === 'draft') return ['start']
  if (state === 'progressing') return ['pause', 'skip-step', 'promote', 'abort']
  if (state === 'promoting') return ['abort']
  if (state !== 'paused') return []
  if (pause_reason === 'approval') return ['approve', 'reject', 'promote', 'abort']
  return ['resume', 'skip-step', 'promote', 'abort', 'retry']
}

const NOTHING = { total: 0, bad: 0, rate: null }
const SILENT: T.SideTraffic = {
  rps: 0,
  error_rate: null,
  p50_ms: null,
  p95_ms: null,
  p99_ms: null,
  sample: 0,
}

function blank(id: string, plan: T.Plan, by: string, at: string): Kept {
  const stable = plan.stable || 'v1'
  const nothing = {
    kind: 'none' as const,
    metric: '',
    E: null,
    limit: null,
    canary: NOTHING,
    baseline: NOTHING,
    reason: '',
  }
  return {
    id,
    service: plan.service,
    stable,
    canary: plan.canary,
    strategy: plan.strategy,
    state: 'draft',
    pause_reason: '',
    step_index: 0,
    step_phase: 'applying',
    attempt: 1,
    steps: plan.steps.map((step, index) => ({
      index,
      kind: kindOf(step),
      weight: 'set_weight' in step ? step.set_weight : null,
      detail: '',
      state: 'todo',
      started_at: null,
      done_at: null,
    })),
    plan,
    weights: { desired: { [stable]: 100, [plan.canary]: 0 }, acknowledged: null, observed: null },
    acks: { total: 11, acked: 11, nacked: 0, waiting: 0, offline: 0, revision: null },
    verdict: nothing,
    metrics: metricsOf({ bad: 0, total: 0, e: 1 }),
    traffic: { canary: { ...SILENT }, stable: { ...SILENT, rps: 38 } },
    reason: '',
    created_by: by,
    created_at: at,
    started_at: null,
    finished_at: null,
    next_due_at: null,
    deadline_at: null,
    revision: null,
    version: '1',
    approvals: [],
    may: [],
    undo_until: null,
    undo_of: null,
    events: [],
    measurements: [],
    phaseEndsAt: 0,
  }
}

function metricsOf({ bad, total, e }: Pick<Seed, 'bad' | 'total' | 'e'>): T.MetricVerdict[] {
  const kind: T.VerdictKind = e >= LIMIT ? 'fail' : total < 200 ? 'inconclusive' : 'pass'
  const baseline = { total: 7810, bad: 8, rate: 8 / 7810 }
  const canary = { total, bad, rate: total ? bad / total : null }
  const slow = { total, bad: Math.round(total * 0.002), rate: total ? 0.002 : null }
  return [
    {
      name: 'errors',
      metric: 'errors',
      kind,
      E: e,
      limit: LIMIT,
      canary,
      baseline,
      reason: '',
      dry_run: false,
      value: null,
    },
    {
      name: 'latency',
      metric: 'latency',
      kind: kind === 'fail' ? 'pass' : kind,
      E: 0.31,
      limit: LIMIT,
      canary: slow,
      baseline: { total: 7810, bad: 17, rate: 17 / 7810 },
      reason: '',
      dry_run: false,
      value: null,
    },
  ]
}

function measurement(kept: Kept, metric: T.MetricVerdict, at: number): T.Measurement {
  return {
    at: iso(at),
    metric: metric.name,
    step_index: kept.step_index,
    canary: { ...metric.canary },
    baseline: { ...metric.baseline },
    log_e: Math.log(metric.E ?? 1),
    e: metric.E,
    limit: metric.limit,
    value: null,
    attempt: 1,
    verdict: metric.kind,
    dry_run: metric.dry_run,
  }
}
