/** The REST API of the mock backend: one function from a request to a response, for the dev server and the tests. */
import type { ResilienceView, RoleGrant, Route } from '../src/api/types'
import type { MockMesh } from './mesh.ts'

const RESILIENCE: ResilienceView = {
  connect_timeout_ms: 1000,
  balancer: { policy: 'least_request', slow_start_ms: 0, panic_percent: 50 },
  breaker: { connections: 1024, pending: 1024, requests: 1024, retries: 3 },
  retry_budget: { percent: 20, min: 3 },
  outlier: {
    consecutive_5xx: 5,
    consecutive_gateway: 5,
    interval_ms: 10000,
    eject_ms: 30000,
    eject_max_ms: 300000,
    max_percent: 10,
  },
  health_check: null,
  version: '1',
}

type Context = {
  mesh: MockMesh
  params: Record<string, string>
  query: URLSearchParams
  request: Request
  body: Body
}
type Body = Record<string, unknown>
type Handler = (context: Context) => Response

const json = (value: unknown, init: ResponseInit = {}) =>
  new Response(JSON.stringify(value), {
    ...init,
    headers: { 'Content-Type': 'application/json', ...(init.headers as Record<string, string>) },
  })
const page = (results: unknown[]) => json({ next: null, previous: null, results })
const gone = () => new Response(null, { status: 204 })

type FieldProblem = { path: string; code: string; detail: string }

export function problem(status: number, code: string, detail: string, errors: FieldProblem[] = []): Response {
  return json(
    { type: 'about:blank', title: code, status, code, detail, errors },
    { status, headers: { 'Content-Type': 'application/problem+json' } },
  )
}

const seconds = (window: string | null) => {
  const text = window ?? '60s'
  return Number.parseInt(text, 10) * (text.endsWith('m') ? 60 : 1)
}
const serviceId = ({ params }: Context) => `${params.namespace}/${params.name}`

function stale({ mesh, request, ...rest }: Context): Response | null {
  const match = request.headers.get('If-Match')
  if (!match) return problem(428, 'precondition_required', 'Send If-Match.')
  const id = `${rest.params.namespace}/${rest.params.name}`
  return match === mesh.etag(id) ? null : problem(412, 'stale', 'It changed since you read it.')
}

function putSplit(context: Context): Response {
  const { mesh, body, query } = context
  const id = serviceId(context)
  const refused = stale(context)
  if (refused) return refused
  const weights = body.weights as Record<string, number>
  const known = mesh.splits[id] ?? {}
  const strangers = Object.keys(weights).filter((version) => !(version in known))
  if (strangers.length) {
    const errors = strangers.map((name) => ({
      path: `weights.${name}`,
      code: 'unknown_version',
      detail: `No version ${name}.`,
    }))
    return problem(400, 'invalid', 'The split names unknown versions.', errors)
  }
  if (Object.values(weights).reduce((sum, weight) => sum + weight, 0) !== 100) {
    return problem(400, 'invalid', 'Refused.', [
      { path: 'weights', code: 'sum', detail: 'Weights must sum to 100.' },
    ])
  }
  if (query.get('dry_run') === '1') return json({ weights, revision: null })
  const revision = mesh.setSplit(id, weights, String(body.reason ?? ''))
  return json({ weights: mesh.splits[id], revision }, { headers: { ETag: mesh.etag(id) } })
}

function putRoutes(context: Context): Response {
  const { mesh, body, query } = context
  const id = serviceId(context)
  const refused = stale(context)
  if (refused) return refused
  const routes = body.routes as Route[]
  const nameless = routes.findIndex((route) => !route.name)
  if (nameless >= 0) {
    const errors = [{ path: `routes.${nameless}.name`, code: 'required', detail: 'A route needs a name.' }]
    return problem(400, 'invalid', 'Refused.', errors)
  }
  if (query.get('dry_run') === '1') return json({ routes, revision: null })
  const revision = mesh.setRoutes(id, routes, String(body.reason ?? ''))
  return json({ routes, revision }, { headers: { ETag: mesh.etag(id) } })
}

function listChanges({ mesh, query }: Context): Response {
  const wanted = ['namespace', 'object', 'actor', 'action'] as const
  const search = query.get('search')?.toLowerCase() ?? ''
  const limit = Number(query.get('page_size') ?? 50)
  const found = mesh.changes.filter(
    (change) =>
      wanted.every((field) => !query.get(field) || change[field] === query.get(field)) &&
      `${change.summary} ${change.reason} ${change.object}`.toLowerCase().includes(search),
  )
  return page(found.slice(0, limit))
}

function revert({ mesh, params, body }: Context): Response {
  const change = mesh.changes.find((each) => each.id === Number(params.id))
  const weights = (change?.before as { weights?: Record<string, number> } | null)?.weights
  if (!change || !weights) return problem(409, 'not_revertible', 'This change cannot be reverted.')
  const revision = mesh.setSplit(change.object.replace('service:', ''), weights, String(body.reason ?? ''))
  return json({ revision })
}

function login({ mesh, body }: Context): Response {
  if (body.password !== 'admin') return problem(400, 'invalid_credentials', 'Wrong user name or password.')
  mesh.signedIn = true
  return json(mesh.me())
}

function createToken({ mesh, body }: Context): Response {
  const expires = new Date(Date.now() + Number(body.expires_in) * 1000).toISOString()
  const token = {
    id: `tok${Date.now()}`,
    name: String(body.name),
    created_at: new Date().toISOString(),
    expires_at: expires,
  }
  mesh.tokens.unshift({ ...token, last_used_at: null })
  return json({ ...token, token: 'mui_3kq9Zr0example7Yt2' }, { status: 201 })
}

function createJoinToken({ mesh, body }: Context): Response {
  const token = {
    id: `jt${Date.now()}`,
    service: String(body.service),
    version: String(body.version),
    uses_left: Number(body.uses),
    expires_at: new Date(Date.now() + Number(body.ttl_s) * 1000).toISOString(),
    created_by: 'admin',
    created_at: new Date().toISOString(),
    state: 'active' as const,
  }
  mesh.joinTokens.unshift(token)
  return json({ ...token, token: 'mjt_9f2kexample' }, { status: 201 })
}

function createUser({ mesh, body }: Context): Response {
  if (mesh.users.some((user) => user.username === body.username)) {
    return problem(400, 'invalid', 'Refused.', [
      { path: 'username', code: 'taken', detail: 'This name is taken.' },
    ])
  }
  const user = {
    username: String(body.username),
    email: String(body.email),
    roles: body.roles as RoleGrant[],
    is_superuser: false,
    last_login: null,
    date_joined: new Date().toISOString(),
  }
  mesh.users.push(user)
  return json(user, { status: 201 })
}

function proxyConfig({ mesh, params }: Context): Response {
  const proxy = mesh.proxies.find((each) => each.id === params.id)
  if (!proxy) return problem(404, 'not_found', 'No such proxy.')
  const refused = proxy.sync.refused[0]
  const resources = [
    `proxy:${proxy.service}`,
    'service:shop/catalog',
    'service:shop/checkout',
    'endpoints:shop/catalog',
  ]
  return json({
    desired: resources.map((resource, index) => ({
      resource,
      revision: mesh.revision,
      version: `c0ffee${index}4a`,
      body: { name: resource, routes: [{ name: 'default', weights: mesh.splits['shop/catalog'] }] },
    })),
    applied: resources.map((resource, index) => ({
      resource,
      revision: refused?.resource === resource ? 38 : mesh.revision,
      version: refused?.resource === resource ? 'b4d00d' : `c0ffee${index}4a`,
      status: refused?.resource === resource ? 'nack' : 'ack',
      error: refused?.resource === resource ? refused.error : '',
      at: mesh.ago(40_000),
    })),
  })
}

const one = (found: unknown, what: string) =>
  found ? json(found) : problem(404, 'not_found', `No such ${what}.`)
const without = <T extends { id: string }>(items: T[], id: string | undefined) =>
  items.filter((item) => item.id !== id)

const ROUTES: [method: string, path: string, handler: Handler][] = [
  [
    'GET',
    'auth/me',
    ({ mesh }) => (mesh.signedIn ? json(mesh.me()) : problem(401, 'not_authenticated', 'Sign in.')),
  ],
  ['POST', 'auth/login', login],
  [
    'POST',
    'auth/logout',
    ({ mesh }) => {
      mesh.signedIn = false
      return gone()
    },
  ],
  ['GET', 'info', ({ mesh }) => json(mesh.info())],
  [
    'GET',
    'graph',
    ({ mesh, query }) =>
      json(mesh.graph(seconds(query.get('window')), query.get('by') === 'version' ? 'version' : 'service')),
  ],
  [
    'GET',
    'metrics',
    ({ mesh, query }) =>
      json(
        mesh.metrics({
          service: query.get('service') ?? undefined,
          edge: query.get('edge') ?? undefined,
          from: query.get('from') ? Date.parse(query.get('from') ?? '') / 1000 : Date.now() / 1000 - 900,
          step: Number.parseInt(query.get('step') ?? '10', 10),
        }),
      ),
  ],
  [
    'GET',
    'namespaces',
    () =>
      page(
        ['platform', 'shop'].map((name) => ({
          name,
          description: '',
          services: 4,
          created_at: '2026-01-01T00:00:00Z',
        })),
      ),
  ],
  ['GET', 'services', ({ mesh }) => page(mesh.services())],
  [
    'GET',
    'gateways',
    () =>
      page([
        {
          id: 'platform/gateway',
          namespace: 'platform',
          name: 'gateway',
          hosts: [{ host: '*', service: 'shop/frontend' }],
          revision: 1,
        },
      ]),
  ],
  ['GET', 'services/:namespace/:name/resilience', () => json(RESILIENCE, { headers: { ETag: '"1"' } })],
  ['GET', 'services/:namespace/:name', (c) => one(c.mesh.service(serviceId(c)), 'service')],
  ['GET', 'services/:namespace/:name/instances', (c) => page(c.mesh.instances(serviceId(c)))],
  [
    'GET',
    'services/:namespace/:name/traffic',
    (c) => json(c.mesh.traffic(serviceId(c), seconds(c.query.get('window')))),
  ],
  [
    'GET',
    'services/:namespace/:name/split',
    (c) => json({ weights: c.mesh.splits[serviceId(c)] }, { headers: { ETag: c.mesh.etag(serviceId(c)) } }),
  ],
  ['PUT', 'services/:namespace/:name/split', putSplit],
  [
    'GET',
    'services/:namespace/:name/routes',
    (c) => json({ routes: c.mesh.routes[serviceId(c)] }, { headers: { ETag: c.mesh.etag(serviceId(c)) } }),
  ],
  ['PUT', 'services/:namespace/:name/routes', putRoutes],
  ['GET', 'proxies', ({ mesh }) => page(mesh.proxies)],
  [
    'GET',
    'proxies/:id',
    ({ mesh, params }) =>
      one(
        mesh.proxies.find((proxy) => proxy.id === params.id),
        'proxy',
      ),
  ],
  ['GET', 'proxies/:id/config', proxyConfig],
  ['GET', 'revisions/:n', ({ mesh, params }) => one(mesh.revisions.get(Number(params.n)), 'revision')],
  ['GET', 'changes', listChanges],
  [
    'GET',
    'changes/:id',
    ({ mesh, params }) =>
      one(
        mesh.changes.find((change) => change.id === Number(params.id)),
        'change',
      ),
  ],
  ['POST', 'changes/:id/revert', revert],
  ['GET', 'tokens', ({ mesh }) => page(mesh.tokens)],
  ['POST', 'tokens', createToken],
  [
    'DELETE',
    'tokens/:id',
    ({ mesh, params }) => {
      mesh.tokens = without(mesh.tokens, params.id)
      return gone()
    },
  ],
  ['GET', 'join-tokens', ({ mesh }) => page(mesh.joinTokens)],
  ['POST', 'join-tokens', createJoinToken],
  [
    'DELETE',
    'join-tokens/:id',
    ({ mesh, params }) => {
      mesh.joinTokens = without(mesh.joinTokens, params.id)
      return gone()
    },
  ],
  ['GET', 'users', ({ mesh }) => page(mesh.users)],
  ['POST', 'users', createUser],
  [
    'PATCH',
    'users/:username',
    ({ mesh, params, body }) => {
      const user = mesh.users.find((each) => each.username === params.username)
      if (user) user.roles = body.roles as never
      return one(user, 'user')
    },
  ],
  [
    'DELETE',
    'users/:username',
    ({ mesh, params }) => {
      mesh.users = mesh.users.filter((user) => user.username !== params.username)
      return gone()
    },
  ],
]

function match(pattern: string, path: string): Record<string, string> | null {
  const wanted = pattern.split('/')
  const given = path.split('/')
  if (wanted.length !== given.length) return null
  const params: Record<string, string> = {}
  for (const [index, part] of wanted.entries()) {
    const value = given[index] ?? ''
    if (part.startsWith(':')) params[part.slice(1)] = decodeURIComponent(value)
    else if (part !== value) return null
  }
  return params
}

/** Answer a request under /api/v1/. */
export async function respond(mesh: MockMesh, request: Request): Promise<Response> {
  const url = new URL(request.url)
  const path = url.pathname.replace(/^\/api\/v1\//, '').replace(/\/$/, '')
  const text = request.method === 'GET' ? '' : await request.text()
  for (const [method, pattern, handler] of ROUTES) {
    const params = method === request.method ? match(pattern, path) : null
    if (!params) continue
    const open = path.startsWith('auth/')
    if (!open && !mesh.signedIn) return problem(401, 'not_authenticated', 'Sign in.')
    return handler({ mesh, params, query: url.searchParams, request, body: text ? JSON.parse(text) : {} })
  }
  return problem(404, 'not_found', `Nothing at ${path}.`)
}
