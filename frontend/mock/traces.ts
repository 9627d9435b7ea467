/** Traces of the mock mesh: a walk through it every few seconds, some slow, some failed, one retried, one in pieces. */
import type * as T from '../src/api/types'
import { type Context, type Handler, json, problem } from './answers.ts'
import type { MockMesh } from './mesh.ts'

const TRACES = 240
const EVERY_MS = 5000
const hex = (n: number, digits: number) => n.toString(16).padStart(digits, '0')
export const traceId = (n: number) => hex(0xabc000 + n, 32)

type Made = Partial<T.Span> & Pick<T.Span, 'service' | 'name'>

/** Spans one below the other or side by side, each told by a proxy unless said otherwise. */
class Tree {
  readonly spans: T.Span[] = []

  constructor(private readonly trace: number) {}

  add(parent: T.Span | null, offset_ms: number, duration_ms: number, made: Made): T.Span {
    const span: T.Span = {
      span_id: hex(this.trace * 1000 + this.spans.length + 1, 16),
      parent_id: parent?.span_id ?? null,
      depth: parent ? parent.depth + 1 : 0,
      orphan: false,
      version: 'v1',
      peer: '',
      kind: 'server',
      reporter: 'proxy',
      offset_ms,
      duration_ms,
      error: false,
      message: '',
      decisions: null,
      attributes: {},
      events: [],
      ...made,
    }
    this.spans.push(span)
    return span
  }
}

const decided = (rest: Partial<T.Decisions> = {}): T.Decisions => ({
  route: '',
  rule: '',
  flags: [],
  endpoint: '127.0.0.1:20031',
  code: 200,
  tries: 1,
  secured: true,
  request_bytes: 0,
  response_bytes: 128,
  ...rest,
})

/** Every 4th goes to checkout, where every 3rd payment fails; every 9th is retried; every 50th lost its root. */
function walk(n: number): T.Span[] {
  const tree = new Tree(n)
  const buys = n % 4 === 0
  const fails = n % 12 === 0
  const took = buys ? 180 + (n % 7) * 30 : 12 + (n % 11) * 3
  const method = buys ? 'POST' : 'GET'
  const path = buys ? '/checkout' : '/'
  const http = { 'http.request.method': method, 'url.path': path }
  const gateway = tree.add(null, 0, took, {
    service: 'platform/gateway',
    name: `${method} default`,
    peer: 'shop/frontend',
    attributes: http,
    decisions: decided({ route: 'default', code: fails ? 503 : 200 }),
    error: fails,
  })
  const frontend = tree.add(gateway, 1, took - 2, {
    service: 'shop/frontend',
    name: method,
    attributes: http,
    decisions: decided({ code: fails ? 503 : 200 }),
    error: fails,
  })
  if (buys) pay(tree, frontend, took, fails, n % 36 === 0)
  else browse(tree, frontend, took)
  if (n % 50 === 0) return tree.spans.slice(1).map((span) => orphaned(span, gateway.span_id))
  return tree.spans
}

const orphaned = (span: T.Span, lost: string): T.Span =>
  span.parent_id === lost
    ? { ...span, parent_id: null, orphan: true, depth: 0 }
    : { ...span, depth: span.depth - 1 }

function pay(tree: Tree, frontend: T.Span, took: number, fails: boolean, denied: boolean): void {
  const call = tree.add(frontend, 3, took - 6, {
    service: 'shop/checkout',
    name: 'POST pay',
    peer: 'shop/payments',
    kind: 'client',
    attributes: { 'http.request.method': 'POST', 'url.path': '/charge', 'meshui.version': 'v2' },
    decisions: decided({
      route: 'pay',
      code: denied ? 403 : fails ? 503 : 200,
      flags: denied ? ['UAEX'] : fails ? ['URX'] : [],
      tries: fails && !denied ? 2 : 1,
    }),
    error: fails,
  })
  if (!fails || denied) return
  const half = (took - 6) / 2
  const outcome = (text: string) => ({ 'meshui.endpoint': '127.0.0.1:20031', 'meshui.outcome': text })
  for (const [number, at] of [
    [1, 3],
    [2, 3 + half],
  ] as const) {
    tree.add(call, at, half, {
      service: 'shop/checkout',
      name: `try ${number}`,
      kind: 'internal',
      error: true,
      attributes: outcome('503'),
      decisions: decided({ code: 503 }),
    })
  }
}

function browse(tree: Tree, frontend: T.Span, took: number): void {
  const call = tree.add(frontend, 2, took - 5, {
    service: 'shop/frontend',
    name: 'GET default',
    peer: 'shop/catalog',
    kind: 'client',
    attributes: { 'http.request.method': 'GET', 'url.path': '/items/7', 'meshui.version': 'v1' },
    decisions: decided({ route: 'default' }),
  })
  const catalog = tree.add(call, 3, took - 7, { service: 'shop/catalog', name: 'GET', decisions: decided() })
  tree.add(catalog, 4, took - 10, {
    service: 'shop/catalog',
    name: 'SELECT items',
    kind: 'client',
    reporter: 'app',
    attributes: { 'db.system': 'postgresql' },
  })
  tree.add(frontend, 2, 5, {
    service: 'shop/frontend',
    name: 'GET default',
    peer: 'shop/cart',
    kind: 'client',
    decisions: decided({ route: 'default' }),
  })
}

export class MockTraces {
  settings = { enabled: true, percent: 100, errors: true, link: '' }

  constructor(
    private readonly mesh: MockMesh,
    private readonly clock: () => number,
  ) {}

  all(): { id: string; at: number; spans: T.Span[] }[] {
    if (!this.settings.enabled) return []
    const now = this.clock()
    return Array.from({ length: TRACES }, (_, n) => ({
      id: traceId(n),
      at: now - 10_000 - n * EVERY_MS,
      spans: walk(n),
    }))
  }

  found(query: URLSearchParams): { id: string; at: number; spans: T.Span[] }[] {
    const from = Date.parse(query.get('from') ?? '')
    const to = Date.parse(query.get('to') ?? '')
    return this.all().filter(
      ({ at, spans }) => !(at < from) && !(at > to) && spans.some((span) => isAsked(span, query)),
    )
  }

  one(id: string): T.Trace | null {
    const found = this.all().find((trace) => trace.id === id)
    if (!found) return null
    const { spans, at } = found
    return {
      trace_id: id,
      start: new Date(at).toISOString(),
      duration_ms: Math.max(...spans.map((span) => span.offset_ms + span.duration_ms)),
      truncated: false,
      services: servicesOf(spans),
      spans,
    }
  }

  set(value: MockTraces['settings'], reason: string): number {
    const before = this.settings
    this.settings = value
    return this.mesh.record('tracing.set', 'tracing:mesh', 'tracing changed', reason, before, value)
  }
}

function isAsked(span: T.Span, query: URLSearchParams): boolean {
  const given = (name: string) => query.get(name) ?? ''
  const [source, target] = given('edge').split('->')
  const [key = '', value] = given('tag').split(/:(.*)/s)
  return (
    (!given('service') || span.service === given('service')) &&
    (!given('edge') || (span.service === source && span.peer === target)) &&
    (!given('route') || span.decisions?.route === given('route')) &&
    (!given('error') || span.error === (given('error') === 'true')) &&
    (!given('code') || span.decisions?.code === Number(given('code'))) &&
    (!given('flag') || Boolean(span.decisions?.flags.includes(given('flag')))) &&
    (!given('tag') || String(span.attributes[key]) === value) &&
    (!given('min_ms') || span.duration_ms >= Number(given('min_ms'))) &&
    (!given('max_ms') || span.duration_ms <= Number(given('max_ms')))
  )
}

function servicesOf(spans: T.Span[]): T.TraceSummary['services'] {
  const names = [...new Set(spans.map(({ service }) => service))]
  return names
    .map((name) => {
      const own = spans.filter(({ service }) => service === name)
      return { name, spans: own.length, errors: own.filter(({ error }) => error).length }
    })
    .sort((a, b) => b.spans - a.spans)
}

function summary({ id, at, spans }: { id: string; at: number; spans: T.Span[] }): T.TraceSummary {
  const root = spans[0] as T.Span
  return {
    trace_id: id,
    start: new Date(at).toISOString(),
    duration_ms: root.duration_ms,
    spans: spans.length,
    errors: spans.filter(({ error }) => error).length,
    root: { service: root.service, name: root.name, code: root.decisions?.code ?? null },
    services: servicesOf(spans),
  }
}

function list({ mesh, query }: Context): Response {
  const found = mesh.traces.found(query)
  const start = Number(query.get('cursor') ?? 0)
  const end = start + Number(query.get('page_size') ?? 50)
  const next = end < found.length ? `/api/v1/traces/?cursor=${end}` : null
  return json({ next, previous: null, results: found.slice(start, end).map(summary) })
}

function points({ mesh, query }: Context): Response {
  const found = mesh.traces.found(query).map(({ id, at, spans }) => ({
    trace_id: id,
    at: at / 1000,
    duration_ms: spans[0]?.duration_ms ?? 0,
    error: spans.some(({ error }) => error),
  }))
  return json({ points: found, truncated: false })
}

function exemplars({ mesh, query }: Context): Response {
  const found = mesh.traces.found(
    new URLSearchParams([...query].filter(([name]) => name === 'service' || name === 'edge')),
  )
  const limit = Number(query.get('limit') ?? 20)
  const told = found.slice(0, limit).map(({ id, at, spans }) => ({
    trace_id: id,
    span_id: spans[0]?.span_id ?? '',
    at: at / 1000,
    duration_ms: spans[0]?.duration_ms ?? 0,
    code: spans[0]?.decisions?.code ?? null,
    error: Boolean(spans[0]?.error),
  }))
  return json({ exemplars: told.sort((a, b) => Number(b.error) - Number(a.error)) })
}

const tag = ({ mesh }: Context) => hex(JSON.stringify(mesh.traces.settings).length * 7919, 8)
const settings = (context: Context, revision: number | null) =>
  json(
    { ...context.mesh.traces.settings, version: tag(context), revision },
    { headers: { ETag: `"${tag(context)}"` } },
  )

function setSettings(context: Context): Response {
  const { mesh, body, request } = context
  if (request.headers.get('If-Match') !== `"${tag(context)}"`) {
    return problem(412, 'stale', 'It changed since you read it.')
  }
  const { enabled, percent, errors, link } = body as MockTraces['settings']
  if (link && !/^https?:\/\/\S*\{trace_id\}/.test(link)) {
    return problem(400, 'invalid', 'Refused.', [
      { path: 'link', code: 'pattern', detail: 'Begins with http:// or https:// and has {trace_id} in it' },
    ])
  }
  return settings(context, mesh.traces.set({ enabled, percent, errors, link }, String(body.reason ?? '')))
}

export const TRACING: [method: string, path: string, handler: Handler][] = [
  ['GET', 'traces', list],
  ['GET', 'traces/points', points],
  ['GET', 'traces/exemplars', exemplars],
  ['GET', 'traces/settings', (context) => settings(context, null)],
  ['PUT', 'traces/settings', setSettings],
  [
    'GET',
    'traces/:id',
    ({ mesh, params }) => {
      const found = mesh.traces.one(params.id ?? '')
      return found ? json(found) : problem(404, 'not_found', 'No such trace.')
    },
  ],
]
