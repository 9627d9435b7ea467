/** The traffic rules in the mock backend: read, written whole with If-Match, tried, and set back. */
import type * as T from '../src/api/types'
import { newRoute, type Rules, ruleFlaws } from '../src/features/traffic/draft/rules.ts'
import { type Context, type FieldProblem, type Handler, json, problem, serviceId } from './answers.ts'

type Part = keyof Rules

/** The version of a value is the value: equal ones have equal tags. */
export const etagOf = (value: unknown): string => `"${JSON.stringify(value).replaceAll('"', '')}"`

function current({ mesh }: Context, id: string): Partial<Rules> {
  return {
    split: mesh.splits[id],
    routes: mesh.routes[id],
    resilience: mesh.resilience[id],
    limits: mesh.limits[id],
  }
}

/** The part as its own endpoint shows it. */
function shown(part: Part, value: unknown): Record<string, unknown> {
  const version = etagOf(value)
  if (part === 'resilience') return { ...(value as T.Resilience), version }
  return { [part === 'split' ? 'weights' : part]: value, version }
}

const read =
  (part: Part): Handler =>
  (context) => {
    const value = current(context, serviceId(context))[part]
    if (value === undefined) return problem(404, 'not_found', 'No such service.')
    return json(shown(part, value), { headers: { ETag: etagOf(value) } })
  }

const write =
  (part: Part): Handler =>
  (context) => {
    const { mesh, body, query, request } = context
    const id = serviceId(context)
    const match = request.headers.get('If-Match')
    if (!match) return problem(428, 'precondition_required', 'Send If-Match.')
    if (match !== etagOf(current(context, id)[part]))
      return problem(412, 'stale', 'It changed since you read it.')
    const { reason, ...sent } = body
    const value = part === 'resilience' ? sent : sent[part === 'split' ? 'weights' : part]
    const errors = [...refusals(part, value), ...strangers(context, id, part, value)]
    if (errors.length) return problem(400, 'invalid', 'Refused.', errors)
    if (['1', 'true'].includes(query.get('dry_run') ?? ''))
      return json({ ...shown(part, value), revision: null })
    const why = String(reason ?? '')
    const revision = {
      split: () => mesh.setSplit(id, value as Rules['split'], why),
      routes: () => mesh.setRoutes(id, value as T.Route[], why),
      resilience: () => mesh.setResilience(id, value as T.Resilience, why),
      limits: () => mesh.setLimits(id, value as T.RateLimit[], why),
    }[part]()
    return json({ ...shown(part, value), revision }, { headers: { ETag: etagOf(value) } })
  }

function refusals(part: Part, value: unknown): FieldProblem[] {
  return ruleFlaws({ [part]: value }).map(({ path, text, params }) => ({
    path:
      part === 'routes' || part === 'limits'
        ? path
        : path.replace(/^split/, 'weights').replace(/^resilience\./, ''),
    code: text,
    detail: `Refused: ${text} ${JSON.stringify(params ?? {})}`,
  }))
}

/** What only the server knows: names that are taken, versions that are not there. */
function strangers({ mesh }: Context, id: string, part: Part, value: unknown): FieldProblem[] {
  const versions = Object.keys(mesh.splits[id] ?? {})
  const unknown = (path: string, version: string): FieldProblem[] =>
    versions.includes(version)
      ? []
      : [{ path: `${path}.${version}`, code: 'unknown_version', detail: `No version ${version}.` }]
  if (part === 'split') return Object.keys(value as object).flatMap((version) => unknown('weights', version))
  if (part !== 'routes') return []
  const routes = value as T.Route[]
  return routes.flatMap(({ name, weights, match }, index) => [
    ...(routes.findIndex((other) => other.name === name) < index
      ? [{ path: `routes.${index}.name`, code: 'duplicate', detail: `another route is named '${name}'` }]
      : []),
    ...Object.keys(weights ?? {}).flatMap((version) => unknown(`routes.${index}.weights`, version)),
    ...(match.path?.kind === 'regex' && match.path.value.includes('(?=')
      ? [{ path: `routes.${index}.match.path.value`, code: 'invalid', detail: 'invalid perl operator: (?=' }]
      : []),
  ])
}

function revert({ mesh, params, body }: Context): Response {
  const change = mesh.changes.find((each) => each.id === Number(params.id))
  if (!change?.revertible) return problem(409, 'not_revertible', 'This change cannot be reverted.')
  const id = change.object.replace('service:', '')
  const why = String(body.reason ?? '')
  const before = change.before as Record<string, unknown>
  if (change.object.startsWith('policy:')) {
    const policy = before.policy as T.Policy | null
    const name = change.object.replace('policy:', '')
    const revision = policy ? mesh.security.put(policy, 'policy.set', why) : mesh.security.remove(name, why)
    return json({ revision })
  }
  const undo: Record<string, () => number> = {
    'split.set': () => mesh.setSplit(id, before.weights as Rules['split'], why),
    'routes.set': () => mesh.setRoutes(id, before.routes as T.Route[], why),
    'limits.set': () => mesh.setLimits(id, before.limits as T.RateLimit[], why),
    'resilience.set': () => mesh.setResilience(id, before as unknown as T.Resilience, why),
  }
  return json({ revision: undo[change.action]?.() ?? null })
}

type Draft = { routes: T.Route[] | null; split: Record<string, number> | null }

/** By path prefix, method and exact headers: enough to see a draft differ. */
function simulate({ mesh, body }: Context): Response {
  const asked = body as unknown as T.SimulateRequest & { draft: Draft | null }
  const [name = '', namespace = ''] = asked.host.split('.')
  const id = `${namespace}/${name}`
  if (!mesh.splits[id]) {
    const errors = [{ path: 'host', code: 'unknown', detail: 'No service has this host.' }]
    return problem(400, 'invalid', 'Refused.', errors)
  }
  const routes = asked.draft?.routes ?? mesh.routes[id] ?? []
  const split = asked.draft?.split ?? mesh.splits[id] ?? {}
  const index = routes.findIndex((route) => takes(route, asked))
  const route = routes[index] ?? null
  const own = route?.redirect ?? route?.direct
  const weights = Object.entries(route?.weights ?? split).filter(([, weight]) => weight > 0)
  const result: T.Simulation = {
    listener: asked.source.endsWith('/gateway') ? 'gateway' : 'outbound',
    outcome: !route ? 'refused' : route.redirect ? 'redirect' : route.direct ? 'direct' : 'forward',
    service: id,
    route,
    index: route ? index : null,
    status: !route ? 404 : (route.redirect?.code ?? route.direct?.status ?? 0),
    flag: route ? '' : 'NR',
    reason: route ? '' : 'no route matches',
    backends: own || !route ? [] : weights.map(([version, share]) => ({ version, share })),
    chosen: weights.length === 1 && !own ? (weights[0]?.[0] ?? '') : '',
    lines:
      route && !own
        ? [`${asked.method} ${asked.path} HTTP/1.1`, `host: ${asked.host}`, ...headLines(route, asked)]
        : [],
    limits: [...(route?.limits ?? []), ...(mesh.limits[id] ?? [])],
    timeouts: route?.timeouts ?? null,
    connect_timeout_ms: mesh.resilience[id]?.connect_timeout_ms ?? 1000,
    policy: !route || own ? null : { service: id, allowed: true, policy: '', rule: null, shadow: '' },
  }
  return json(result)
}

function takes({ match }: T.Route, { method = 'GET', path = '/', headers = {} }: T.SimulateRequest): boolean {
  const stem = match.path?.value.replace(/\{.*|\/$/, '') ?? ''
  return (
    (!match.path || path.startsWith(stem)) &&
    (!match.methods.length || match.methods.includes(method)) &&
    match.headers.every(({ name, value, invert }) => (headers[name] === value) !== invert)
  )
}

const headLines = (route: T.Route, asked: T.SimulateRequest): string[] =>
  Object.entries({ ...asked.headers, ...route.request_headers?.set }).map(
    ([name, value]) => `${name}: ${value}`,
  )

function dryRun({ mesh, body, params }: Context): Response {
  const id = `${params.namespace}/${params.name}`
  const { routes, split } = body.draft as Draft
  const fate = (name: string, shares: Record<string, number>): T.Fate => ({
    route: name,
    answer: 'forward',
    status: 0,
    shares,
  })
  const row = (method: string, path: string, requests: number): T.DryRunRow => {
    const last = mesh.routes[id]?.at(-1)?.name ?? 'default'
    const now = fate(last, mesh.splits[id] ?? {})
    const after = fate(routes?.[0]?.name ?? last, routes?.[0]?.weights ?? split ?? mesh.splits[id] ?? {})
    return {
      source: 'shop/frontend',
      method,
      path,
      requests,
      changed: JSON.stringify(now) !== JSON.stringify(after),
      now,
      draft: after,
    }
  }
  const rows = [
    row('GET', '/items/*', 118_400),
    row('GET', '/items', 61_200),
    row('POST', '/items/*/reviews', 840),
  ]
  const changed = rows.filter((each) => each.changed).reduce((sum, each) => sum + each.requests, 0)
  return json({
    sampled: 4210,
    requests: 180_440,
    changed,
    unjudged: 320,
    untold: ['header x-tier'],
    since: mesh.ago(3_600_000),
    until: mesh.ago(0),
    rows,
  })
}

function usage({ mesh, params }: Context): Response {
  const id = `${params.namespace}/${params.name}`
  const now = Math.floor(Date.now() / 10_000) * 10
  const use = (limit: T.RateLimit, route: string | null): T.LimitUsage => {
    const series = Array.from({ length: 30 }, (_, index) => {
      const came = Math.round(600 + 500 * Math.sin(now / 90 + index / 4))
      return { at: now - (29 - index) * 10, allowed: Math.min(900, came), limited: Math.max(0, came - 900) }
    })
    const total = (name: 'allowed' | 'limited') => series.reduce((sum, step) => sum + step[name], 0)
    const [allowed, limited] = [total('allowed'), total('limited')]
    const { name, scope, requests, per_ms } = limit
    const share = scope === 'global' && !limit.by.length ? allowed / 300 / ((requests * 1000) / per_ms) : null
    return {
      name,
      route,
      scope,
      requests,
      per_ms,
      allowed,
      limited,
      rate_rps: (allowed + limited) / 300,
      share_of_limit: share,
      series,
    }
  }
  const limits = [
    ...(mesh.limits[id] ?? []).map((limit) => use(limit, null)),
    ...(mesh.routes[id] ?? []).flatMap((route) => route.limits.map((limit) => use(limit, route.name))),
  ]
  return json({ window_s: 300, step_s: 10, covered_s: 300, limits } satisfies T.LimitsUsage)
}

function imported({ mesh, body }: Context): Response {
  if (!String(body.text).includes('kind:')) {
    const errors = [{ path: 'text', code: 'invalid', detail: 'no document of a known kind' }]
    return problem(400, 'invalid', 'Refused.', errors)
  }
  const beta = newRoute('beta')
  const match: T.Route['match'] = {
    ...beta.match,
    headers: [{ name: 'x-tier', kind: 'exact', value: 'beta', invert: false }],
  }
  const service = (name: string, routes: T.Route[], missing: string[]): T.ImportedService => ({
    service: name,
    exists: name in mesh.splits,
    versions: ['v1', 'v2', ...missing],
    missing_versions: missing,
    routes,
    split: null,
    resilience: null,
  })
  const result: T.Imported = {
    services: [
      service('shop/catalog', [{ ...beta, match, weights: { v2: 100 } }, newRoute('default')], []),
      service('shop/reviews', [newRoute('default')], ['v3']),
    ],
    report: [
      {
        severity: 'lost',
        document: 0,
        path: 'spec.http.0.corsPolicy',
        detail: 'there is no equivalent; the app has to answer preflights',
      },
      {
        severity: 'changed',
        document: 1,
        path: 'spec.trafficPolicy.outlierDetection.minHealthPercent',
        detail: 'is panic_percent here, which acts for each caller alone',
      },
      {
        severity: 'info',
        document: 0,
        path: 'spec.gateways',
        detail: 'mesh: the route is for callers within the mesh',
      },
    ],
  }
  return json(result)
}

function exported(context: Context): Response {
  const format = (context.query.get('format') ?? 'istio') as T.ExchangeFormat
  const { name, namespace } = context.params
  const text = `apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata:\n  name: ${name}\n  namespace: ${namespace}\nspec:\n  hosts:\n    - ${name}\n  http:\n    - route:\n        - destination:\n            host: ${name}\n            subset: v1\n          weight: 100\n`
  const report: T.ExchangeNote[] = [
    { severity: 'lost', document: 0, path: 'resilience.retry_budget', detail: 'has no equivalent' },
  ]
  return json({ format, text, report })
}

const PARTS: Part[] = ['split', 'routes', 'resilience', 'limits']

export const RULES: [method: string, path: string, handler: Handler][] = [
  ...PARTS.flatMap((part): [string, string, Handler][] => [
    ['GET', `services/:namespace/:name/${part}`, read(part)],
    ['PUT', `services/:namespace/:name/${part}`, write(part)],
  ]),
  ['POST', 'changes/:id/revert', revert],
  ['POST', 'simulate', simulate],
  ['POST', 'services/:namespace/:name/dry-run', dryRun],
  ['GET', 'services/:namespace/:name/limits/usage', usage],
  ['POST', 'interchange/import', imported],
  ['GET', 'services/:namespace/:name/export', exported],
]
