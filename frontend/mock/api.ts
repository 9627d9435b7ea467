/** The REST API of the mock backend: one function from a request to a response, for the dev server and the tests. */
import type { RoleGrant } from '../src/api/types'
import { type Context, gone, json, page, problem, serviceId } from './answers.ts'
import { AUTHORITY } from './authority.ts'
import { CERTIFICATES } from './certificates.ts'
import { GRAPH } from './graph.ts'
import { INCIDENTS } from './incidents.ts'
import { LOGS } from './logs.ts'
import type { MockMesh } from './mesh.ts'
import { proposalRoutes, required } from './proposals.ts'
import { ROLLOUTS } from './rolloutsApi.ts'
import { RULES } from './rules.ts'
import { SECURITY } from './security.ts'
import { TRACING } from './traces.ts'

const seconds = (window: string | null) => {
  const text = window ?? '60s'
  return Number.parseInt(text, 10) * (text.endsWith('m') ? 60 : 1)
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

function verifyChanges({ mesh }: Context): Response {
  const head = mesh.changes[0]?.digest ?? '0'.repeat(64)
  return json({ intact: true, count: mesh.changes.length, head, why: '', broken_at: null })
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
    has_password: true,
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

type Answer = (context: Context) => Response | Promise<Response>

const ROUTES: [method: string, path: string, handler: Answer][] = [
  [
    'GET',
    'auth/me',
    ({ mesh }) => (mesh.signedIn ? json(mesh.me()) : problem(401, 'not_authenticated', 'Sign in.')),
  ],
  ['GET', 'auth/methods', () => json({ password: true, oidc: null })],
  ['GET', 'sessions', ({ mesh }) => page(mesh.sessions)],
  ['DELETE', 'sessions', ({ mesh, query }) => json({ count: mesh.endSessions(query.get('username') ?? '') })],
  [
    'DELETE',
    'sessions/:id',
    ({ mesh, params }) => {
      mesh.sessions = without(mesh.sessions, params.id)
      return gone()
    },
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
  ...GRAPH,
  [
    'GET',
    'metrics',
    ({ mesh, query }) =>
      json(
        mesh.metrics({
          service: query.get('service') ?? undefined,
          edge: query.get('edge') ?? undefined,
          from: query.get('from') ? Date.parse(query.get('from') ?? '') / 1000 : Date.now() / 1000 - 900,
          to: query.get('to') ? Date.parse(query.get('to') ?? '') / 1000 : undefined,
          step: Number.parseInt(query.get('step') ?? '10', 10),
          by: query.get('by') ?? undefined,
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
  ['GET', 'services/:namespace/:name', (c) => one(c.mesh.service(serviceId(c)), 'service')],
  ['GET', 'services/:namespace/:name/instances', (c) => page(c.mesh.instances(serviceId(c)))],
  [
    'GET',
    'services/:namespace/:name/traffic',
    (c) => json(c.mesh.traffic(serviceId(c), seconds(c.query.get('window')))),
  ],
  ...INCIDENTS,
  ...RULES,
  ...ROLLOUTS,
  ...SECURITY,
  ...CERTIFICATES,
  ...AUTHORITY,
  ...proposalRoutes(respond),
  ...TRACING,
  ...LOGS,
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
  ['GET', 'changes/verify', verifyChanges],
  ['GET', 'changes/export', ({ mesh }) => json({ lines: [...mesh.changes].reverse() })],
  [
    'GET',
    'changes/:id',
    ({ mesh, params }) =>
      one(
        mesh.changes.find((change) => change.id === Number(params.id)),
        'change',
      ),
  ],
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
    const given = { mesh, query: url.searchParams, request, body: text ? JSON.parse(text) : {} }
    return mesh.proposals.guards(path, given) ? required() : handler({ ...given, params })
  }
  return problem(404, 'not_found', `Nothing at ${path}.`)
}
