/** The access log and taps of the mock mesh: lines of the mock's traces, and a tap that copies one in each second. */
import type * as T from '../src/api/types'
import { type Context, type Handler, json, page, problem } from './answers.ts'
import type { MockMesh } from './mesh.ts'

const hex = (n: number, digits: number) => n.toString(16).padStart(digits, '0')
const NEWEST = 100
const RULE_OF: Record<string, string> = { UAEX: 'policy:payments-callers/0' }

/** One line for each span that a proxy told of a request. */
function lineOf(trace: { id: string; at: number }, span: T.Span, parent: T.Span | undefined): T.LogLine {
  const called = span.peer !== ''
  const { decisions } = span
  const flags = decisions?.flags ?? []
  return {
    id: `${trace.id.slice(-6)}-${span.span_id}`,
    at: new Date(trace.at + span.offset_ms).toISOString(),
    duration_ms: span.duration_ms,
    first_byte_ms: decisions?.code ? span.duration_ms * 0.8 : null,
    kind: span.kind === 'client' ? 'client' : 'server',
    reporter: called ? 'source' : 'destination',
    proxy: 'px-3e8',
    protocol: 'http',
    secured: true,
    source: called ? span.service : (parent?.service ?? 'unknown'),
    source_version: called ? span.version : '',
    destination: called ? span.peer : span.service,
    destination_version: 'v1',
    route: decisions?.route ?? '',
    method: String(span.attributes['http.request.method'] ?? 'GET'),
    host: 'catalog.shop.mesh',
    path: String(span.attributes['url.path'] ?? '/'),
    code: decisions?.code ?? null,
    flags,
    error: span.error,
    rule: RULE_OF[flags[0] ?? ''] ?? '',
    request_bytes: 0,
    response_bytes: 128,
    endpoint: decisions?.endpoint ?? '',
    tries: decisions?.tries ?? 1,
    trace_id: trace.id,
    request_id: `req-${trace.id.slice(-6)}`,
    peer: '10.0.0.9',
    identity: 'spiffe://demo.mesh/ns/shop/svc/frontend',
    user_agent: 'mock/1',
  }
}

const COUNTS: T.TapCounts = {
  matched: 0,
  received: 0,
  dropped_by_proxies: 0,
  dropped_by_collector: 0,
  proxies: 2,
  refused: [],
}

export class MockLogs {
  settings: Pick<T.Logging, 'mode' | 'percent' | 'collected'> = { mode: 'all', percent: 10, collected: true }
  taps: T.Tap[] = []
  private copied = new Map<string, T.TapRecord[]>()

  constructor(
    private readonly mesh: MockMesh,
    private readonly clock: () => number,
  ) {}

  lines(): T.LogLine[] {
    if (this.settings.mode === 'off' || !this.settings.collected) return []
    return this.mesh.traces.all().flatMap((trace) =>
      trace.spans
        .filter((span) => span.reporter === 'proxy' && span.kind !== 'internal')
        .map((span) =>
          lineOf(
            trace,
            span,
            trace.spans.find(({ span_id }) => span_id === span.parent_id),
          ),
        ),
    )
  }

  found(query: URLSearchParams): T.LogLine[] {
    return this.lines().filter((line) => isAsked(line, query))
  }

  set(value: MockLogs['settings'], reason: string): number {
    const before = this.settings
    this.settings = value
    return this.mesh.record('logging.set', 'logging:mesh', 'logging changed', reason, before, value)
  }

  start(asked: T.TapBody): T.Tap {
    const now = this.clock()
    const { seconds, side, ...rest } = asked
    const tap = {
      ...rest,
      side: side || (asked.source ? 'source' : 'destination'),
      id: String(this.taps.length + 1),
      state: 'active',
      created_by: 'admin',
      created_at: new Date(now).toISOString(),
      until: new Date(now + seconds * 1000).toISOString(),
      ended_at: null,
      ended_by: '',
    } as T.Tap
    this.taps.unshift(tap)
    return tap
  }

  stop(id: string): T.Tap | null {
    const tap = this.taps.find((each) => each.id === id)
    if (tap?.state === 'active') {
      tap.state = 'stopped'
      tap.ended_by = 'admin'
      tap.ended_at = new Date(this.clock()).toISOString()
    }
    return tap ?? null
  }

  /** What a watcher is told: one more request with each call while it is under way. */
  watched(id: string): T.TapMessage | null {
    const tap = this.taps.find((each) => each.id === id)
    if (!tap) return null
    const records = this.copied.get(id) ?? []
    if (tap.state === 'active') records.push(this.copy(tap, records.length + 1))
    this.copied.set(id, records)
    const counts = { ...COUNTS, matched: records.length + 3, received: records.length, dropped_by_proxies: 3 }
    return { tap: { ...tap }, counts, records: records.slice(-200) }
  }

  private copy(tap: T.Tap, n: number): T.TapRecord {
    const lines = this.lines().filter(
      ({ source, destination }) =>
        (!tap.source || source === tap.source) && (!tap.destination || destination === tap.destination),
    )
    const line = lines[n % lines.length] ?? (this.lines()[0] as T.LogLine)
    return {
      n,
      request: { ...line, id: hex(n, 8), at: new Date(this.clock()).toISOString() },
      target: `${line.path}?token=[redacted]`,
      request_headers: [
        ['host', line.host],
        ['authorization', '[redacted]'],
      ],
      response_headers: [['content-type', 'application/json']],
      cut: false,
    }
  }
}

function isAsked(line: T.LogLine, query: URLSearchParams): boolean {
  const given = (name: string) => query.get(name) ?? ''
  const exact = ['source', 'destination', 'method', 'reporter', 'trace_id', 'request_id'] as const
  const code = given('code')
  return (
    exact.every((name) => !given(name) || line[name] === given(name)) &&
    (!given('service') || line.source === given('service') || line.destination === given('service')) &&
    (!code || String(line.code ?? 0).replace(/..$/, code.endsWith('xx') ? 'xx' : '$&') === code) &&
    (!given('flag') || line.flags.includes(given('flag'))) &&
    (!given('error') || line.error === (given('error') === 'true')) &&
    line.path.startsWith(given('path')) &&
    line.rule.startsWith(given('rule')) &&
    !(Date.parse(line.at) < Date.parse(given('from'))) &&
    !(Date.parse(line.at) > Date.parse(given('to')))
  )
}

function list({ mesh, query }: Context): Response {
  const found = mesh.logs.found(query)
  const start = Number(query.get('cursor') ?? 0)
  const end = start + Number(query.get('page_size') ?? 50)
  const next = end < found.length ? `/api/v1/logs/?cursor=${end}` : null
  return json({ next, previous: null, results: found.slice(start, end) })
}

/** What the live topic begins with. */
export function newestLines(mesh: MockMesh, params: Record<string, string>): T.LogLine[] {
  return mesh.logs.found(new URLSearchParams(params)).slice(0, NEWEST)
}

const tag = ({ mesh }: Context) => hex(JSON.stringify(mesh.logs.settings).length * 7919, 8)
const settings = (context: Context, revision: number | null) =>
  json(
    { ...context.mesh.logs.settings, version: tag(context), revision },
    { headers: { ETag: `"${tag(context)}"` } },
  )

function setSettings(context: Context): Response {
  const { mesh, body, request } = context
  if (request.headers.get('If-Match') !== `"${tag(context)}"`) {
    return problem(412, 'stale', 'It changed since you read it.')
  }
  const { mode, percent, collected } = body as MockLogs['settings']
  return settings(context, mesh.logs.set({ mode, percent, collected }, String(body.reason ?? '')))
}

function startTap({ mesh, body }: Context): Response {
  const asked = body as unknown as T.TapBody
  if (asked.path && !asked.path.startsWith('/') && !asked.path.startsWith('*')) {
    return problem(400, 'invalid', 'Refused.', [
      { path: 'path', code: 'pattern', detail: 'Begins with / or *' },
    ])
  }
  return json(mesh.logs.start(asked), { status: 201 })
}

const oneTap = (tap: T.Tap | null | undefined) =>
  tap ? json(tap) : problem(404, 'not_found', 'No such tap.')

export const LOGS: [method: string, path: string, handler: Handler][] = [
  ['GET', 'logs', list],
  ['GET', 'logs/settings', (context) => settings(context, null)],
  ['PUT', 'logs/settings', setSettings],
  ['GET', 'taps', ({ mesh }) => page(mesh.logs.taps)],
  ['POST', 'taps', startTap],
  ['GET', 'taps/:id', ({ mesh, params }) => oneTap(mesh.logs.taps.find(({ id }) => id === params.id))],
  ['DELETE', 'taps/:id', ({ mesh, params }) => oneTap(mesh.logs.stop(params.id ?? ''))],
]
