/** Alerts, objectives and the overview of the mock mesh: payments fails since a change, and its budget burns. */
import type * as T from '../src/api/types'
import { type Context, gone, type Handler, json, page, problem, serviceId } from './answers.ts'
import type { MockMesh } from './mesh.ts'

type Promise = Pick<T.ServiceObjectives, 'availability' | 'latency'>

const PERIOD_S = 28 * 86_400
const NOTHING: Promise = { availability: null, latency: null }
const INCIDENT_MS = 4 * 60_000

class MockIncidents {
  silences: T.Silence[] = []
  receivers: T.Receiver[] = [
    { id: '1', kind: 'slack', target: 'https://hooks.example.org/…', severity: 'page', created_by: 'admin' },
    { id: '2', kind: 'email', target: 'oncall@example.org', severity: 'ticket', created_by: 'admin' },
  ]
  promises: Record<string, Promise> = {
    'shop/payments': { availability: 99.9, latency: { percent: 99, threshold_ms: 400 } },
    'shop/catalog': { availability: 99.5, latency: null },
  }
  private count = 2

  constructor(private readonly mesh: MockMesh) {}

  next(): string {
    this.count += 1
    return String(this.count)
  }

  get alerts(): T.Alert[] {
    const { mesh } = this
    const alert = (id: string, made: Partial<T.Alert>): T.Alert => {
      const whole = {
        id,
        rule: 'edge_failing',
        severity: 'page' as const,
        group: 'shop/payments',
        object: 'edge:shop/checkout->shop/payments',
        service: 'shop/payments',
        namespace: 'shop',
        title: 'shop/checkout → shop/payments is failing',
        detail: '13.4 % errors over 420 requests',
        path: '/topology?sel=shop%2Fcheckout-%3Eshop%2Fpayments&focus=shop%2Fpayments&hops=1',
        since: mesh.ago(INCIDENT_MS),
        fires_at: mesh.ago(INCIDENT_MS - 15_000),
        resolved_at: null,
        silenced_until: null,
        ...made,
      }
      const silence = this.silences.find(
        ({ rule, object, namespace }) =>
          (!rule || rule === whole.rule) &&
          (!object || object === whole.object) &&
          (!namespace || namespace === whole.namespace),
      )
      return { ...whole, silenced_until: whole.resolved_at ? null : (silence?.until ?? null) }
    }
    return [
      alert('7', {}),
      alert('6', {
        rule: 'objective_burn',
        object: 'objective:shop/payments:availability',
        title: 'shop/payments burns its availability budget 62 times too fast',
        detail: 'Objective 99.9 %: 62x over 1 h, 130x over 5 min; 12% of the budget is left',
        path: '/services/shop/payments?tab=objectives',
      }),
      alert('5', {
        rule: 'proxy_out_of_sync',
        severity: 'ticket',
        object: 'proxy:px-1',
        title: 'shop/payments payments-v2-0 refused its configuration',
        detail: 'service:shop/payments: pattern does not compile',
        path: '/proxies/px-1',
        fires_at: mesh.ago(-40_000),
      }),
      alert('4', {
        rule: 'rollout_paused',
        severity: 'ticket',
        group: 'shop/catalog',
        object: 'rollout:3',
        service: 'shop/catalog',
        title: 'The rollout of shop/catalog to v2 is paused',
        detail: 'waits for approval',
        path: '/rollouts/3',
        since: mesh.ago(90 * 60_000),
        resolved_at: mesh.ago(30 * 60_000),
      }),
    ]
  }

  inState(state: string): T.Alert[] {
    const pending = ({ fires_at, resolved_at }: T.Alert) =>
      resolved_at === null && fires_at > this.mesh.ago(0)
    return this.alerts.filter((alert) => {
      if (state === 'pending') return pending(alert)
      if (state === 'resolved') return alert.resolved_at !== null
      return !pending(alert) && (state === 'all' || alert.resolved_at === null)
    })
  }

  notices(state: string): T.Notice[] {
    const made = (id: string, rest: Partial<T.Notice>): T.Notice => ({
      id,
      kind: 'slack',
      target: 'https://hooks.example.org/…',
      group: 'shop/payments',
      titles: ['shop/checkout → shop/payments is failing'],
      state: 'sent',
      tries: 1,
      error: '',
      created_at: this.mesh.ago(INCIDENT_MS),
      next_try_at: null,
      sent_at: this.mesh.ago(INCIDENT_MS - 1000),
      ...rest,
    })
    const all = [
      made('3', {}),
      made('2', {
        state: 'pending',
        tries: 2,
        error: 'it answered 503',
        next_try_at: this.mesh.ago(-60_000),
        sent_at: null,
      }),
      made('1', {
        kind: 'email',
        target: 'oncall@example.org',
        state: 'failed',
        tries: 7,
        error: 'connection refused',
        sent_at: null,
      }),
    ]
    return all.filter(
      (notice) => state === 'all' || notice.state === (state === 'trying' ? 'pending' : state),
    )
  }

  promised(service: string): T.ServiceObjectives & { version: string } {
    const promise = this.promises[service] ?? NOTHING
    const bad = service === 'shop/payments'
    return {
      ...promise,
      availability_budget: promise.availability ? budget(promise.availability, null, bad) : null,
      latency_budget: promise.latency
        ? budget(promise.latency.percent, promise.latency.threshold_ms, false)
        : null,
      version: JSON.stringify(promise).length.toString(16),
    }
  }

  objectives(): T.Objective[] {
    return Object.keys(this.promises)
      .sort()
      .map((service) => {
        const { availability_budget: availability, latency_budget: latency } = this.promised(service)
        return { service, availability, latency }
      })
  }

  overview(): T.Overview {
    const { mesh } = this
    const graph = mesh.graph(60, 'service')
    const worst = graph.edges.filter(({ health }) => health === 'failing' || health === 'degraded')
    const rank = (id: string) => (id === 'shop/checkout->shop/payments' ? 0 : 1)
    return {
      as_of_unix: graph.as_of_unix,
      headline: '',
      worst_edges: worst
        .sort((a, b) => rank(a.id) - rank(b.id) || (b.error_rate ?? 0) - (a.error_rate ?? 0))
        .map((edge) => this.worst(edge)),
      objectives: this.objectives().filter(({ availability }) => availability?.state === 'burning'),
      alerts: this.inState('firing'),
      changes: mesh.changes.slice(0, 10),
      rollouts: [],
      certificates: [
        { kind: 'intermediate', proxy: '', service: '', name: '', not_after: mesh.ago(-9 * 86_400_000) },
      ],
      sync: mesh.info().sync,
    }
  }

  private worst(edge: T.GraphEdge): T.WorstEdge {
    const isCause = edge.id === 'shop/checkout->shop/payments'
    return {
      edge,
      burn: Math.round((edge.error_rate ?? 0) * 1000 * 10) / 10,
      p99_then_ms: isCause ? 94 : edge.p99_ms,
      p99_change: isCause ? Math.round(((edge.p99_ms ?? 0) / 94) * 10) / 10 : 1,
      because: edge.target === 'shop/checkout' ? 'shop/checkout->shop/payments' : null,
      since: edge.errors ? this.mesh.ago(INCIDENT_MS) : null,
      change: isCause ? (this.mesh.changes.find(({ object }) => object.includes('payments')) ?? null) : null,
    }
  }
}

function budget(objective: number, threshold_ms: number | null, bad: boolean): T.Budget {
  const rule = (
    severity: 'page' | 'ticket',
    long_s: number,
    short_s: number,
    threshold: number,
    burn: number,
  ) => ({
    severity,
    long_s,
    short_s,
    threshold,
    long: burn,
    short: burn * 2,
    firing: burn >= threshold,
  })
  return {
    objective,
    threshold_ms,
    state: bad ? 'burning' : 'met',
    observed_s: 6 * 86_400,
    period_s: PERIOD_S,
    requests: 812_340,
    bad: bad ? 713 : 41,
    actual: bad ? 99.9122 : 99.995,
    budget_left: bad ? 0.12 : 0.94,
    burn: [
      rule('page', 3600, 300, 14.4, bad ? 62 : 0.2),
      rule('page', 21_600, 1800, 6, bad ? 11 : 0.3),
      rule('ticket', 259_200, 21_600, 1, bad ? 0.9 : 0.1),
    ],
  }
}

function history({ mesh, query, params }: Context): Response {
  const steps = 84
  const seconds =
    { '1h': 3600, '24h': 86_400, '7d': 604_800, '28d': PERIOD_S }[query.get('span') ?? '28d'] ?? 0
  const step_s = seconds / steps
  const now = Date.parse(mesh.ago(0)) / 1000
  const promise = incidentsOf(mesh).promises[serviceId({ params } as Context)] ?? NOTHING
  const falling = Array.from({ length: steps }, (_, step) => 1 - (step / steps) ** 3 * 0.88)
  return json({
    step_s,
    period_s: PERIOD_S,
    times: falling.map((_, step) => Math.round(now - (steps - 1 - step) * step_s)),
    availability: promise.availability ? falling : null,
    latency: promise.latency ? falling.map(() => 0.94) : null,
  } satisfies T.BudgetHistory)
}

function setObjectives(context: Context): Response {
  const { mesh, request, body } = context
  const incidents = incidentsOf(mesh)
  const service = serviceId(context)
  const standing = incidents.promised(service)
  const expected = request.headers.get('If-Match')
  if (expected !== '*' && expected !== `"${standing.version}"`) {
    return problem(412, 'stale', 'It has changed since you read it.')
  }
  const { reason, ...promise } = body as unknown as Promise & { reason: string }
  const before = { availability: standing.availability, latency: standing.latency }
  incidents.promises[service] = promise
  const revision = mesh.record('objective.set', `service:${service}`, 'objectives', reason, before, promise)
  return json({ ...promise, version: incidents.promised(service).version, revision })
}

function sparklines({ mesh }: Context): Response {
  const now = Math.floor(Date.parse(mesh.ago(0)) / 30_000) * 30
  const times = Array.from({ length: 30 }, (_, step) => now - (30 - step) * 30)
  const services = Object.fromEntries(
    mesh.services().map(({ id }) => {
      const { series } = mesh.metrics({ service: id, from: times[0] ?? now, to: now - 30, step: 30 })
      return [id, { rps: series.rps, error_rate: series.error_rate }]
    }),
  )
  return json({ step_s: 30, times, services } satisfies T.Sparklines)
}

function createSilence({ mesh, body }: Context): Response {
  const incidents = incidentsOf(mesh)
  const silence: T.Silence = {
    id: incidents.next(),
    rule: String(body.rule ?? ''),
    object: String(body.object ?? ''),
    namespace: String(body.namespace ?? ''),
    until: mesh.ago(-Number(body.minutes) * 60_000),
    reason: String(body.reason ?? ''),
    created_by: 'admin',
  }
  incidents.silences.unshift(silence)
  return json(silence, { status: 201 })
}

function createReceiver({ mesh, body }: Context): Response {
  const target = String(body.target)
  if (body.kind !== 'email' && !target.startsWith('https://')) {
    return problem(400, 'invalid', 'Refused.', [
      { path: 'target', code: 'refused', detail: `${target} is no address that may be asked` },
    ])
  }
  const incidents = incidentsOf(mesh)
  const receiver = {
    id: incidents.next(),
    kind: body.kind,
    target: body.kind === 'email' ? target : `${new URL(target).origin}/…`,
    severity: body.severity,
    created_by: 'admin',
  } as T.Receiver
  incidents.receivers.push(receiver)
  return json(receiver, { status: 201 })
}

/** Slack hears us; the mail server does not. */
function testReceiver({ mesh, params }: Context): Response {
  const receiver = incidentsOf(mesh).receivers.find(({ id }) => id === params.id)
  return json({ error: receiver?.kind === 'email' ? 'connection refused' : '' })
}

const known = new WeakMap<MockMesh, MockIncidents>()

export function incidentsOf(mesh: MockMesh): MockIncidents {
  const found = known.get(mesh) ?? new MockIncidents(mesh)
  known.set(mesh, found)
  return found
}

const without = <I extends { id: string }>(items: I[], id: string | undefined) =>
  items.filter((item) => item.id !== id)

export const INCIDENTS: [method: string, path: string, handler: Handler][] = [
  ['GET', 'overview', ({ mesh }) => json(incidentsOf(mesh).overview())],
  ['GET', 'alerts', ({ mesh, query }) => page(incidentsOf(mesh).inState(query.get('state') ?? 'firing'))],
  ['GET', 'alerts/silences', ({ mesh }) => page(incidentsOf(mesh).silences)],
  ['POST', 'alerts/silences', createSilence],
  [
    'DELETE',
    'alerts/silences/:id',
    ({ mesh, params }) => {
      const incidents = incidentsOf(mesh)
      incidents.silences = without(incidents.silences, params.id)
      return gone()
    },
  ],
  ['GET', 'alerts/receivers', ({ mesh }) => page(incidentsOf(mesh).receivers)],
  ['POST', 'alerts/receivers', createReceiver],
  [
    'DELETE',
    'alerts/receivers/:id',
    ({ mesh, params }) => {
      const incidents = incidentsOf(mesh)
      incidents.receivers = without(incidents.receivers, params.id)
      return gone()
    },
  ],
  ['POST', 'alerts/receivers/:id/test', testReceiver],
  [
    'GET',
    'alerts/notices',
    ({ mesh, query }) => page(incidentsOf(mesh).notices(query.get('state') ?? 'all')),
  ],
  ['GET', 'objectives', ({ mesh }) => page(incidentsOf(mesh).objectives())],
  [
    'GET',
    'services/:namespace/:name/objectives',
    (context) => {
      const found = incidentsOf(context.mesh).promised(serviceId(context))
      return json(found, { headers: { ETag: `"${found.version}"` } })
    },
  ],
  ['PUT', 'services/:namespace/:name/objectives', setObjectives],
  ['GET', 'services/:namespace/:name/objectives/history', history],
  ['GET', 'metrics/services', sparklines],
]
