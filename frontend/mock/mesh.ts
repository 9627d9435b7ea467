/** The demo mesh as a small model in memory: what the mock backend answers from. */
import type * as T from '../src/api/types'
import { newRoute, RESILIENCE } from '../src/features/traffic/draft/rules.ts'
import { complete } from '../src/features/traffic/draft/shape.ts'
import { MockAuthority } from './authority.ts'
import { MockCertificates } from './certificates.ts'
import { MockLogs } from './logs.ts'
import { MockProposals } from './proposals.ts'
import { MockRollouts } from './rollouts.ts'
import { MockSecurity } from './security.ts'
import { MockTraces } from './traces.ts'

export type Call = { from: string; to: string; share: number; errors: number; ms: number }

const CALLS: Call[] = [
  { from: 'platform/gateway', to: 'shop/frontend', share: 1, errors: 0.004, ms: 46 },
  { from: 'shop/frontend', to: 'shop/catalog', share: 1, errors: 0.0002, ms: 11 },
  { from: 'shop/frontend', to: 'shop/cart', share: 0.62, errors: 0, ms: 7 },
  { from: 'shop/frontend', to: 'shop/recommendations', share: 0.8, errors: 0.002, ms: 28 },
  { from: 'shop/frontend', to: 'shop/checkout', share: 0.14, errors: 0.051, ms: 120 },
  { from: 'shop/checkout', to: 'shop/cart', share: 0.14, errors: 0, ms: 6 },
  { from: 'shop/cart', to: 'shop/checkout', share: 0.02, errors: 0, ms: 9 },
  { from: 'shop/checkout', to: 'shop/payments', share: 0.14, errors: 0.134, ms: 88 },
  { from: 'shop/recommendations', to: 'shop/catalog', share: 0.8, errors: 0, ms: 9 },
  { from: 'shop/catalog', to: 'platform/inventory', share: 1.2, errors: 0, ms: 3.2 },
  { from: 'shop/cart', to: 'platform/users', share: 0.5, errors: 0.0001, ms: 4.1 },
  { from: 'shop/payments', to: 'platform/users', share: 0.14, errors: 0, ms: 4.4 },
]
const SERVICES: Record<string, string[]> = {
  'shop/frontend': ['v1'],
  'shop/catalog': ['v1', 'v2'],
  'shop/cart': ['v1'],
  'shop/checkout': ['v1'],
  'shop/payments': ['v1', 'v2'],
  'shop/recommendations': ['v1'],
  'platform/users': ['v1'],
  'platform/inventory': ['v1'],
}
const BASE_RPS = 50
const ACK_MS = 350

const person = (username: string, email: string, roles: T.RoleGrant[]): T.User => ({
  username,
  email,
  roles,
  is_superuser: false,
  has_password: true,
  last_login: null,
  date_joined: '2026-01-01T00:00:00Z',
})
const iso = (ms: number) => new Date(ms).toISOString()
const minutes = (n: number) => n * 60_000

type Series = Record<T.SeriesName, (number | null)[]>

export class MockMesh {
  splits: Record<string, Record<string, number>> = {}
  routes: Record<string, T.Route[]> = {}
  resilience: Record<string, T.Resilience> = {}
  limits: Record<string, T.RateLimit[]> = {}
  observed: Record<string, Record<string, number>> = {}
  changes: T.Change[] = []
  revisions = new Map<number, T.Revision>()
  proxies: T.MeshProxy[] = []
  tokens: T.ApiToken[] = []
  joinTokens: T.JoinToken[] = []
  sessions: T.Session[] = [0, 1].map((number) => ({
    id: `session${number}`,
    address: `10.0.0.${12 + number}`,
    agent: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
    created_at: new Date(Date.now() - 3_600_000).toISOString(),
    last_seen_at: new Date().toISOString(),
    expires_at: new Date(Date.now() + 39_600_000).toISOString(),
    current: number === 0,
  }))
  templates: T.AnalysisTemplate[] = []
  users: T.User[] = [
    person('admin', 'admin@example.org', [{ role: 'admin', namespace: null }]),
    person('ana', 'ana@example.org', [{ role: 'operator', namespace: 'shop' }]),
    person('bruno', '', [{ role: 'viewer', namespace: null }]),
  ]
  signedIn = true
  revision = 41
  readonly startedAt: number
  readonly rollouts: MockRollouts
  readonly security: MockSecurity
  readonly certificates: MockCertificates
  readonly authority: MockAuthority
  readonly proposals: MockProposals
  readonly traces: MockTraces
  readonly logs: MockLogs

  constructor(private readonly clock: () => number = Date.now) {
    this.startedAt = clock()
    for (const [id, versions] of Object.entries(SERVICES)) {
      this.splits[id] = Object.fromEntries(versions.map((version, index) => [version, index === 0 ? 100 : 0]))
      this.observed[id] = { ...this.splits[id] }
      this.routes[id] = [newRoute('default')]
      this.resilience[id] = complete(RESILIENCE, {}) as T.Resilience
      this.limits[id] = []
    }
    this.proxies = this.seedProxies()
    this.seedChanges()
    this.rollouts = new MockRollouts(this, clock)
    this.security = new MockSecurity(this)
    this.certificates = new MockCertificates(this)
    this.authority = new MockAuthority(this)
    this.proposals = new MockProposals(this)
    this.traces = new MockTraces(this, clock)
    this.logs = new MockLogs(this, clock)
    this.tokens = [
      {
        id: 'tok1',
        name: 'ci-deploy',
        created_at: this.ago(minutes(9000)),
        expires_at: this.ago(-minutes(40_000)),
        last_used_at: this.ago(minutes(12)),
      },
    ]
  }

  ago(ms: number): string {
    return iso(this.clock() - ms)
  }

  private seedProxies(): T.MeshProxy[] {
    const entries = Object.entries(SERVICES).flatMap(([id, versions]) =>
      versions.map((version) => [id, version] as const),
    )
    const list = [...entries, ['platform/gateway', ''] as const].map(([service, version], index) => {
      const refused = service === 'shop/payments' && version === 'v2'
      const proxy: T.MeshProxy = {
        id: `px-${(1000 + index * 37).toString(16)}`,
        name: `${service.split('/')[1]}${version ? `-${version}` : ''}-0`,
        service,
        kind: version ? 'sidecar' : 'gateway',
        service_version: version,
        identity: `spiffe://demo.mesh/ns/${service.split('/')[0]}/sa/${service.split('/')[1]}`,
        address: `127.0.0.1:${20001 + index * 10}`,
        admin: `127.0.0.1:${20003 + index * 10}`,
        proxy_version: '0.1.0',
        connected: true,
        last_seen_at: this.ago(900),
        joined_at: this.ago(minutes(180)),
        certificate_not_after: this.ago(-minutes(60 * 21 + index)),
        sync: {
          state: refused ? 'refused' : 'synced',
          desired_revision: this.revision,
          applied_revision: refused ? 38 : this.revision,
          waiting: [],
          refused: refused
            ? [
                {
                  resource: 'service:shop/checkout',
                  error: 'routes[0].timeouts.request_ms: 0 is not between 1 and 3600000',
                  since: this.ago(minutes(6)),
                },
              ]
            : [],
        },
        load: {
          rps: 4 + index * 3.1,
          connections: 6 + index,
          rss_bytes: 41_900_000 + index * 310_000,
          cpu_percent: 1.2 + index * 0.3,
        },
      }
      return proxy
    })
    return list
  }

  private seedChanges(): void {
    const seed: [number, string, string, string, string, string][] = [
      [
        41,
        'ana',
        'split.set',
        'service:shop/payments',
        'v1 90 -> 100, v2 10 -> 0',
        'v2 answers 503 to card 4111',
      ],
      [40, 'ana', 'routes.set', 'service:shop/checkout', '1 route changed', 'shorter timeout'],
      [39, 'admin', 'split.set', 'service:shop/payments', 'v1 100 -> 90, v2 0 -> 10', 'try payments v2'],
      [38, 'admin', 'version.add', 'service:shop/payments', 'version v2 added', ''],
      [37, 'system', 'proxy.join', 'proxy:px-47e', 'checkout-v1-0 joined', ''],
    ]
    seed.forEach(([id, actor, action, object, summary, reason], index) => {
      const isSplit = action === 'split.set'
      this.changes.push({
        id,
        revision: id,
        at: this.ago(minutes(4 + index * index * 11)),
        actor,
        action,
        object,
        namespace: object.startsWith('service:') ? 'shop' : '',
        summary,
        reason,
        address: '10.0.0.12',
        before: isSplit ? { weights: { v1: index === 0 ? 90 : 100, v2: index === 0 ? 10 : 0 } } : null,
        after: isSplit ? { weights: { v1: index === 0 ? 100 : 90, v2: index === 0 ? 0 : 10 } } : null,
        digest: String(id).padStart(64, '0'),
        revertible: isSplit,
      })
    })
  }

  /** All but the one that asks, of whoever is signed in; of others none are known here. */
  endSessions(username: string): number {
    const before = this.sessions.length
    if (!username) this.sessions = this.sessions.filter(({ current }) => current)
    return before - this.sessions.length
  }

  // Registry

  service(id: string): T.Service | null {
    const versions = SERVICES[id]
    const split = this.splits[id]
    if (!versions || !split) return null
    const [namespace = '', name = ''] = id.split('/')
    return {
      id,
      namespace,
      name,
      description: '',
      protocol: 'http',
      port: null,
      hosts: [`${name}.${namespace}.mesh`],
      versions: versions.map((version) => ({
        name: version,
        weight: split[version] ?? 0,
        instances: 1,
        healthy: 1,
        draining: 0,
      })),
      instances: versions.length,
      healthy: versions.length,
      health: { status: 'passing', passing: versions.length, critical: 0, draining: 0 },
      split,
      updated_at: this.ago(minutes(40)),
      revision: this.revision,
    }
  }

  services(): T.Service[] {
    return Object.keys(SERVICES).flatMap((id) => this.service(id) ?? [])
  }

  instances(id: string): T.Instance[] {
    return (SERVICES[id] ?? []).map((version, index) => {
      const proxy = this.proxies.find((each) => each.service === id && each.service_version === version)
      return {
        id: `${id.split('/')[1]}-${version}-0`,
        address: '127.0.0.1',
        port: Number(proxy?.address.split(':')[1] ?? 20000 + index),
        version,
        metadata: {},
        weight: 100,
        locality: '',
        healthy: true,
        status: 'passing',
        critical_since: null,
        check: { kind: 'ttl', own: false, status: 'passing', output: '', at: null },
        draining: false,
        proxy: proxy?.id ?? null,
        last_seen_at: this.ago(1200),
        ttl_s: 15,
        registered_at: this.ago(minutes(180)),
      }
    })
  }

  // Writes

  record(
    action: string,
    object: string,
    summary: string,
    reason: string,
    before: object,
    after: object,
  ): number {
    this.revision += 1
    const revision = this.revision
    this.changes.unshift({
      id: revision,
      revision,
      at: iso(this.clock()),
      actor: 'admin',
      action,
      object,
      namespace: object.split(/[:/]/)[1] ?? '',
      summary,
      reason,
      address: '127.0.0.1',
      before: before as Record<string, unknown>,
      after: after as Record<string, unknown>,
      digest: String(revision).padStart(64, '0'),
      revertible: true,
    })
    const detail = this.proxies.map((proxy) => ({
      proxy: proxy.id,
      service: proxy.service,
      status: 'waiting' as T.ProxyAck['status'],
      error: '',
      at: null,
    }))
    this.revisions.set(revision, {
      revision,
      state: 'pending',
      committed_at: iso(this.clock()),
      published_at: iso(this.clock() + 40),
      applied_at: null,
      error: '',
      change_id: revision,
      proxies: { total: detail.length, acked: 0, nacked: 0, waiting: detail.length, offline: 0 },
      detail,
    })
    return revision
  }

  /** One more proxy of each pending revision acknowledges. Answers the revisions that moved. */
  acknowledgeNext(): T.Revision[] {
    const moved: T.Revision[] = []
    for (const revision of this.revisions.values()) {
      const next = revision.detail.find((ack) => ack.status === 'waiting')
      if (!next) continue
      next.status = 'acked'
      next.at = iso(this.clock())
      revision.proxies.acked += 1
      revision.proxies.waiting -= 1
      if (revision.proxies.waiting === 0) {
        revision.state = 'applied'
        revision.applied_at = iso(this.clock())
      }
      const proxy = this.proxies.find((each) => each.id === next.proxy)
      if (proxy && proxy.sync.state === 'synced') {
        proxy.sync.applied_revision = revision.revision
        proxy.sync.desired_revision = revision.revision
      }
      moved.push({ ...revision, detail: revision.detail.map((ack) => ({ ...ack })) })
    }
    return moved
  }

  readonly acknowledgeEveryMs = ACK_MS

  setSplit(id: string, weights: Record<string, number>, reason: string): number {
    const before = { ...this.splits[id] }
    const after = Object.fromEntries(Object.keys(before).map((version) => [version, weights[version] ?? 0]))
    this.splits[id] = after
    const moves = Object.keys(after).filter((version) => before[version] !== after[version])
    const summary = moves.map((version) => `${version} ${before[version]} -> ${after[version]}`).join(', ')
    return this.record('split.set', `service:${id}`, summary, reason, { weights: before }, { weights: after })
  }

  setRoutes(id: string, routes: T.Route[], reason: string): number {
    const before = this.routes[id] ?? []
    this.routes[id] = routes
    return this.record(
      'routes.set',
      `service:${id}`,
      `${routes.length} routes`,
      reason,
      { routes: before },
      { routes },
    )
  }

  setResilience(id: string, resilience: T.Resilience, reason: string): number {
    const before = this.resilience[id] ?? resilience
    this.resilience[id] = resilience
    return this.record('resilience.set', `service:${id}`, 'resilience', reason, before, resilience)
  }

  setLimits(id: string, limits: T.RateLimit[], reason: string): number {
    const before = this.limits[id] ?? []
    this.limits[id] = limits
    const summary = `${limits.length} limits`
    return this.record('limits.set', `service:${id}`, summary, reason, { limits: before }, { limits })
  }

  /** Observed shares drift to the desired ones within some seconds. */
  tick(): void {
    for (const [id, split] of Object.entries(this.splits)) {
      const seen = this.observed[id] ?? {}
      for (const version of Object.keys(split)) {
        const now = seen[version] ?? 0
        seen[version] = now + ((split[version] ?? 0) - now) * 0.45
      }
    }
    for (const proxy of this.proxies) proxy.last_seen_at = iso(this.clock())
  }

  // Telemetry

  private wave(call: Call, at: number): number {
    const seed = call.from.length * 7 + call.to.length * 3
    return 1 + 0.12 * Math.sin(at / 9000 + seed) + 0.04 * Math.sin(at / 1700 + seed * 2)
  }

  edges(windowS: number, by: 'service' | 'version', at = this.clock()): T.GraphEdge[] {
    return CALLS.flatMap((call) => {
      const rps = BASE_RPS * call.share * this.wave(call, at)
      if (by === 'service') return [this.edge(call, call.from, call.to, rps, windowS)]
      const sources = this.shares(call.from)
      const targets = this.shares(call.to)
      return sources.flatMap(([source, a]) =>
        targets.map(([target, b]) => this.edge(call, source, target, rps * a * b, windowS)),
      )
    }).filter((edge) => edge.rps > 0.005)
  }

  private shares(id: string): [string, number][] {
    const seen = this.observed[id]
    return seen ? Object.entries(seen).map(([v, weight]) => [`${id}@${v}`, weight / 100]) : [[id, 1]]
  }

  private edge(call: Call, source: string, target: string, rps: number, windowS: number): T.GraphEdge {
    const requests = Math.round(rps * windowS)
    const errors = Math.round(requests * call.errors)
    const clientErrors = Math.round(requests * 0.004)
    const rate = requests ? errors / requests : 0
    const health: T.Health =
      requests < 20 ? 'unknown' : rate >= 0.1 ? 'failing' : rate >= 0.001 ? 'degraded' : 'healthy'
    const slow = this.wave(call, this.clock())
    return {
      id: `${source}->${target}`,
      source,
      target,
      protocol: 'http',
      rps,
      requests,
      errors,
      error_rate: rate,
      codes: { '2xx': requests - errors - clientErrors, '4xx': clientErrors, '5xx': errors, '0': 0 },
      flags: errors ? { UH: Math.round(errors / 3) } : {},
      p50_ms: call.ms * slow,
      p95_ms: call.ms * 2.1 * slow,
      p99_ms: call.ms * 3.6 * slow,
      bytes_in_per_s: rps * 420,
      bytes_out_per_s: rps * 2300,
      secured: call.from === 'platform/gateway' ? 0 : 1,
      health,
      sample: requests,
      reason: `${(rate * 100).toFixed(1)} % errors over ${requests} requests`,
    }
  }

  graph(windowS: number, by: 'service' | 'version', now = this.clock()): T.Graph {
    const edges = this.edges(windowS, by, now).sort((a, b) => (a.id < b.id ? -1 : 1))
    const ids = [...new Set([...edges.flatMap((edge) => [edge.source, edge.target])])].sort()
    const failing = edges.filter((edge) => edge.health === 'failing').length
    const degraded = edges.filter((edge) => edge.health === 'degraded').length
    return {
      as_of: iso(now - 600),
      as_of_unix: (now - 600) / 1000,
      age_s: 0.6,
      window_s: windowS,
      covered_s: windowS,
      source: 'frames',
      resolution_s: 1,
      by,
      nodes: ids.map((id) => this.node(id, edges)),
      edges,
      summary: {
        rps: edges
          .filter((edge) => edge.source === 'platform/gateway')
          .reduce((sum, edge) => sum + edge.rps, 0),
        error_rate: 0.006,
        edges: edges.length,
        failing,
        degraded,
        headline: '',
      },
    }
  }

  private node(id: string, edges: T.GraphEdge[]): T.GraphNode {
    const [service = '', version] = id.split('@')
    const [namespace = '', name = ''] = service.split('/')
    const inbound = edges.filter((edge) => edge.target === id)
    const requests = inbound.reduce((sum, edge) => sum + edge.requests, 0)
    const errors = inbound.reduce((sum, edge) => sum + edge.errors, 0)
    const order: T.Health[] = ['failing', 'degraded', 'healthy', 'unknown']
    const rate = requests ? errors / requests : 0
    return {
      id,
      namespace,
      name,
      version: version ?? null,
      instance: null,
      kind: name === 'gateway' ? 'gateway' : 'service',
      health: order.find((health) => inbound.some((edge) => edge.health === health)) ?? 'healthy',
      reason: inbound[0]?.reason ?? '',
      rps_in: inbound.reduce((sum, edge) => sum + edge.rps, 0),
      rps_out: edges.filter((edge) => edge.source === id).reduce((sum, edge) => sum + edge.rps, 0),
      error_rate: rate,
      instances: SERVICES[service]?.length ?? 1,
      healthy_instances: SERVICES[service]?.length ?? 1,
      p50_ms: Math.max(0, ...inbound.map((edge) => edge.p50_ms ?? 0)) || null,
      p95_ms: Math.max(0, ...inbound.map((edge) => edge.p95_ms ?? 0)) || null,
      p99_ms: Math.max(0, ...inbound.map((edge) => edge.p99_ms ?? 0)) || null,
    }
  }

  traffic(id: string, windowS: number): T.ServiceTraffic {
    const edges = this.edges(windowS, 'service')
    const inbound = edges.filter((edge) => edge.target === id)
    const rps = inbound.reduce((sum, edge) => sum + edge.rps, 0)
    const first = inbound[0]
    const seen = this.observed[id] ?? {}
    return {
      as_of_unix: this.clock() / 1000 - 0.6,
      in: inbound,
      out: edges.filter((edge) => edge.source === id),
      versions: Object.fromEntries(
        Object.entries(seen).map(([version, weight]) => [
          version,
          {
            rps: (rps * weight) / 100,
            requests: Math.round((rps * weight * windowS) / 100),
            share: weight / 100,
            error_rate: weight ? (first?.error_rate ?? 0) : null,
            p50_ms: weight ? (first?.p50_ms ?? null) : null,
            p95_ms: weight ? (first?.p95_ms ?? null) : null,
            p99_ms: weight ? (first?.p99_ms ?? null) : null,
          },
        ]),
      ),
    }
  }

  metrics(query: {
    service?: string
    edge?: string
    from: number
    to?: number
    step: number
    by?: string
  }): T.Metrics {
    const times: number[] = []
    const series: Series = {
      rps: [],
      error_rate: [],
      p50_ms: [],
      p95_ms: [],
      p99_ms: [],
    }
    const end = Math.floor((query.to ?? this.clock() / 1000) / query.step) * query.step
    for (let at = Math.ceil(query.from / query.step) * query.step; at <= end; at += query.step) {
      const edges = this.edges(query.step, 'service', at * 1000).filter((edge) =>
        query.edge
          ? edge.id === query.edge
          : query.service
            ? edge.target === query.service
            : edge.source === 'platform/gateway',
      )
      const rps = edges.reduce((sum, edge) => sum + edge.rps, 0)
      const jitter = 1 + 0.1 * Math.sin(at / 13) + 0.05 * Math.sin(at / 3.1)
      times.push(at)
      series.rps.push(rps)
      series.error_rate.push(
        edges.length ? Math.max(...edges.map((edge) => edge.error_rate ?? 0)) * jitter : null,
      )
      series.p50_ms.push((edges[0]?.p50_ms ?? 0) * jitter)
      series.p95_ms.push((edges[0]?.p95_ms ?? 0) * jitter)
      series.p99_ms.push((edges[0]?.p99_ms ?? 0) * jitter)
    }
    return {
      step_s: query.step,
      from: iso(query.from * 1000),
      to: iso(end * 1000),
      source: 'frames',
      resolution_s: 1,
      times,
      series,
      details: {
        bytes_in_per_s: series.rps.map((rps) => (rps ?? 0) * 320),
        bytes_out_per_s: series.rps.map((rps) => (rps ?? 0) * 2_400),
        codes: { '2xx': series.rps },
        flags: {},
      },
      compare: null,
      by_route: {},
      by_instance: {},
      saturation: query.service && query.by === 'instance' ? this.saturation(query.service, times) : {},
      by_version: query.service ? this.byVersion(query.service, times, series) : {},
    }
  }

  /** How loaded the proxies of a service are. */
  private saturation(id: string, times: number[]): T.Metrics['saturation'] {
    const wave = (base: number) => times.map((at) => base * (1 + 0.2 * Math.sin(at / 90)))
    const proxies = this.proxies.filter(({ service }) => service === id)
    return Object.fromEntries(
      proxies.map((proxy, index) => [
        proxy.id,
        {
          cpu_percent: wave(12 + 5 * index),
          rss_bytes: wave(52e6),
          connections: wave(40),
          active_requests: wave(6),
        },
      ]),
    )
  }

  /** The series of a service dealt out to its versions; a rollout's canary has its own share and errors. */
  private byVersion(id: string, times: number[], whole: Series): Record<string, Series> {
    const rollout = this.rollouts.all().find((each) => each.service === id)
    const shares = rollout?.weights.observed ?? {
      ...Object.fromEntries(Object.entries(this.observed[id] ?? {}).map(([v, weight]) => [v, weight / 100])),
    }
    const started = Date.parse(rollout?.started_at ?? '') / 1000
    const ended = rollout?.finished_at ? Date.parse(rollout.finished_at) / 1000 : Number.POSITIVE_INFINITY
    const of = (version: string): Series => {
      const isCanary = version === rollout?.canary
      const on = (at: number) => !isCanary || (at >= started && at <= ended)
      const share = isCanary ? Math.max(0.05, shares[version] ?? 0) : (shares[version] ?? 0)
      const worse = isCanary && rollout?.state === 'rolled_back' ? 50 : 1
      const scaled = (values: (number | null)[], factor: number) =>
        values.map((value, index) =>
          value === null || share === 0 || !on(times[index] ?? 0) ? null : value * factor,
        )
      return {
        rps: scaled(whole.rps, share),
        error_rate: scaled(whole.error_rate, worse),
        p50_ms: scaled(whole.p50_ms, isCanary ? 1.04 : 1),
        p95_ms: scaled(whole.p95_ms, isCanary ? 1.09 : 1),
        p99_ms: scaled(whole.p99_ms, isCanary ? 1.12 : 1),
      }
    }
    return Object.fromEntries(Object.keys(shares).map((version) => [version, of(version)]))
  }

  info(): T.Info {
    const count = (state: T.SyncState) => this.proxies.filter((proxy) => proxy.sync.state === state).length
    return {
      name: 'meshui',
      version: '0.1.0',
      environment: 'demo',
      snapshot: null,
      trust_domain: 'demo.mesh',
      demo: true,
      gateway_url: 'http://127.0.0.1:8080',
      revision: this.revision,
      sync: {
        proxies: this.proxies.length,
        synced: count('synced'),
        refused: count('refused'),
        offline: count('offline'),
      },
    }
  }

  me(): T.Me {
    return {
      username: 'admin',
      email: 'admin@example.org',
      is_superuser: true,
      roles: [{ role: 'admin', namespace: null }],
      permissions: { '*': ['view', 'traffic.write', 'catalog.write', 'security.write', 'users.write'] },
      csrf: 'mock',
    }
  }
}
