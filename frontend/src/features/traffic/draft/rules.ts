/** The traffic rules of a service: their shapes, which follow the API's, and the values made from them. */
import type { RateLimit, Resilience, Route, Weights } from '@/api/types'
import {
  choice,
  compact,
  complete,
  decimal,
  type Flaw,
  flag,
  flaws,
  list,
  map,
  maybe,
  record,
  type Shape,
  text,
  whole,
} from './shape.ts'

const DAY_MS = 86_400_000
const MANY = 1_000_000
const NAME = /^[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?$/
const LABEL = '[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?'
const FIELD = "[a-z0-9!#$%&'*+.^_`|~-]"

const name = text(63, { pattern: NAME, hint: 'flaw.name' })
/** A name whose length its pattern alone limits. */
const shortName = text(Number.POSITIVE_INFINITY, { pattern: NAME, hint: 'flaw.name' })
const percent = decimal(0, 100, 100)
const ms = (usual?: number, min = 1) => whole(min, DAY_MS, usual)
const fieldName = (max: number) => text(max, { pattern: new RegExp(`^${FIELD}+$`), hint: 'flaw.fieldName' })
const fieldValue = text(4096, { pattern: /^([!-~]([ -~]*[!-~])?)?$/, hint: 'flaw.fieldValue' })

const KINDS = ['exact', 'prefix', 'regex', 'present'] as const
const fieldMatch = (named: Shape) =>
  record({ name: named, kind: choice(KINDS, 'exact'), value: text(1024, { usual: '' }), invert: flag() })

export const HEADER_MATCH = fieldMatch(
  text(128, { pattern: /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, hint: 'flaw.fieldName' }),
)
export const FIELD_MATCH = fieldMatch(text(128, { min: 1 }))

const HEADER_OPS = record({
  remove: list(fieldName(256)),
  set: map(fieldName(256), fieldValue),
  add: map(fieldName(256), fieldValue),
})

export const LIMIT = record({
  name: shortName,
  requests: whole(1, MANY),
  per_ms: ms(1000),
  burst: whole(0, MANY, 0),
  by: list(
    text(Number.POSITIVE_INFINITY, {
      pattern: new RegExp(`^(source|header:${FIELD}{1,128})$`),
      hint: 'flaw.by',
    }),
  ),
  scope: choice(['local', 'global'], 'local'),
  on_error: choice(['allow', 'deny'], 'allow'),
})

export const RETRY_ON = [
  'connect-failure',
  'refused',
  'reset-before-request',
  'reset',
  'gateway-error',
  '5xx',
] as const

export const ROUTE = record({
  name,
  match: record({
    path: maybe(
      record({ kind: choice(['exact', 'prefix', 'template', 'regex']), value: text(1024, { min: 1 }) }),
    ),
    methods: list(
      text(Number.POSITIVE_INFINITY, { pattern: /^[A-Z][A-Z-]{0,31}$/, hint: 'flaw.method' }),
      20,
    ),
    headers: list(HEADER_MATCH, 20),
    query: list(FIELD_MATCH, 20),
    cookies: list(FIELD_MATCH, 20),
    sources: list(
      text(Number.POSITIVE_INFINITY, {
        pattern: new RegExp(`^${LABEL}/(${LABEL}|\\*)$`),
        hint: 'flaw.source',
      }),
      50,
    ),
  }),
  weights: maybe(map(name, whole(0, 100))),
  redirect: maybe(
    record({
      code: choice([301, 302, 303, 307, 308], 302),
      scheme: choice(['', 'http', 'https'], ''),
      host: text(253, { usual: '' }),
      port: whole(0, 65535, 0),
      path: text(4096, { usual: '' }),
      prefix: text(4096, { usual: '' }),
      strip_query: flag(),
    }),
  ),
  direct: maybe(
    record({
      status: whole(200, 599),
      body: text(16384, { usual: '' }),
      content_type: text(256, {
        pattern: /^[!-~]([ -~]*[!-~])?$/,
        hint: 'flaw.fieldValue',
        usual: 'text/plain; charset=utf-8',
      }),
    }),
  ),
  rewrite: maybe(
    record({
      path: text(4096, { usual: '' }),
      prefix: text(4096, { usual: '' }),
      regex: text(4096, { usual: '' }),
      substitution: text(4096, { usual: '' }),
      host: text(253, { usual: '' }),
    }),
  ),
  request_headers: maybe(HEADER_OPS),
  response_headers: maybe(HEADER_OPS),
  backends: map(name, record({ request_headers: maybe(HEADER_OPS), response_headers: maybe(HEADER_OPS) })),
  timeouts: record({ request_ms: ms(15_000), idle_ms: ms(300_000) }),
  retry: record({
    attempts: whole(0, 10, 1),
    on: list(choice(RETRY_ON), Number.POSITIVE_INFINITY, [
      'connect-failure',
      'reset-before-request',
      'refused',
    ]),
    codes: list(whole(400, 599)),
    per_try_timeout_ms: ms(0, 0),
    unsafe: flag(),
    backoff_ms: ms(25),
    backoff_max_ms: ms(250),
  }),
  mirror: maybe(record({ version: shortName, percent, unsafe: flag() })),
  fault: maybe(
    record({
      delay_ms: whole(0, 3_600_000, 0),
      delay_percent: percent,
      abort_status: whole(0, 599, 0),
      abort_percent: percent,
      header: text(256, { pattern: new RegExp(`^${FIELD}*$`), hint: 'flaw.fieldName', usual: '' }),
    }),
  ),
  sticky: maybe(
    record({
      kind: choice(['cookie', 'header', 'source']),
      name: text(128, { pattern: /^[A-Za-z0-9!#$%&'*+.^_`|~-]*$/, hint: 'flaw.fieldName', usual: '' }),
      ttl_s: whole(0, 31_536_000, 0),
    }),
  ),
  limits: list(LIMIT, 20),
})

export const RESILIENCE = record({
  connect_timeout_ms: ms(1000),
  balancer: record({
    policy: choice(['least_request', 'peak_ewma', 'round_robin', 'random', 'maglev'], 'least_request'),
    hash: record({
      kind: choice(['cookie', 'header', 'source'], 'source'),
      name: text(128, { pattern: /^[A-Za-z0-9!#$%&'*+.^_`|~-]*$/, hint: 'flaw.fieldName', usual: '' }),
    }),
    slow_start_ms: ms(0, 0),
    panic_percent: whole(0, 100, 50),
  }),
  breaker: record({
    connections: whole(0, MANY, 1024),
    pending: whole(0, MANY, 1024),
    requests: whole(0, MANY, 1024),
    retries: whole(0, MANY, 3),
  }),
  retry_budget: maybe(record({ percent: whole(0, 100, 20), min: whole(0, MANY, 3) }), true),
  outlier: maybe(
    record({
      consecutive_5xx: whole(0, MANY, 5),
      consecutive_gateway: whole(0, MANY, 5),
      interval_ms: ms(10_000),
      eject_ms: ms(30_000),
      eject_max_ms: ms(300_000),
      max_percent: whole(0, 100, 10),
    }),
    true,
  ),
  health_check: maybe(
    record({
      kind: choice(['http', 'tcp'], 'http'),
      path: text(1024, { pattern: /^\/[!-~]*$/, hint: 'flaw.path', usual: '/' }),
      interval_ms: ms(10_000),
      timeout_ms: ms(1000),
      healthy: whole(1, 100, 2),
      unhealthy: whole(1, 100, 3),
      jitter_percent: whole(0, 100, 10),
    }),
  ),
  idle_timeout_ms: ms(3_600_000),
})

/** The parts that are set, each whole and by itself, with the shape of each. */
export const SHAPES = {
  split: map(name, whole(0, 100)),
  routes: list(ROUTE, 200),
  resilience: RESILIENCE,
  limits: list(LIMIT, 20),
} as const

export type Rules = { split: Weights; routes: Route[]; resilience: Resilience; limits: RateLimit[] }
export type Part = keyof Rules
export const PARTS = Object.keys(SHAPES) as Part[]

export const wholeRoute = (route: object): Route => complete(ROUTE, route) as Route
export const newRoute = (named: string): Route => wholeRoute({ name: named })
export const newLimit = (named: string): RateLimit =>
  complete(LIMIT, { name: named, requests: 100 }) as RateLimit

/** What is left of the rules when all that goes without saying is left out. */
export function compactRules(rules: Partial<Rules>): Record<string, unknown> {
  const parts = PARTS.filter((part) => rules[part] !== undefined)
  return Object.fromEntries(
    parts.map((part) => [part, compact(SHAPES[part], rules[part]) ?? (Array.isArray(rules[part]) ? [] : {})]),
  )
}

/** What can be told wrong with the rules without asking the server. */
export function ruleFlaws(rules: Partial<Rules>): Flaw[] {
  return PARTS.flatMap((part) => (rules[part] === undefined ? [] : partFlaws(part, rules[part])))
}

function partFlaws(part: Part, value: unknown): Flaw[] {
  const found = flaws(SHAPES[part], value, part)
  if (found.length > 0) return found
  if (part === 'split') return sumFlaw(value as Weights, 'split')
  if (part !== 'routes') return []
  const routes = value as Route[]
  const sums = routes.flatMap(({ weights }, index) =>
    weights ? sumFlaw(weights, `routes.${index}.weights`) : [],
  )
  return routes.length ? sums : [{ path: 'routes', text: 'flaw.noRoute' }]
}

function sumFlaw(weights: Weights, path: string): Flaw[] {
  const sum = Object.values(weights).reduce((total, weight) => total + weight, 0)
  return sum === 100 ? [] : [{ path, text: 'flaw.sum', params: { sum } }]
}
