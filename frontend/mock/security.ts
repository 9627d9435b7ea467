/** Access policies and mTLS in the mock backend: kept, judged as proxies judge them, and seen beside the traffic. */
import type * as T from '../src/api/types'
import { policyFlaws } from '../src/features/security/draft/flaws.ts'
import { covers, draftOf } from '../src/features/security/draft/policy.ts'
import {
  type Context,
  type FieldProblem,
  gone,
  type Handler,
  json,
  page,
  problem,
  serviceId,
} from './answers.ts'
import type { MockMesh } from './mesh.ts'

type Asked = {
  source: string
  service: string
  method: string
  path: string
  host: string
  headers: Record<string, string>
  token: T.ExplainRequest['token']
}
type Ruling = { allowed: boolean; policy: string; rule: number | null }

const from = (services: string[] = [], rest: Partial<T.PolicyFrom> = {}): T.PolicyFrom => ({
  services,
  namespaces: [],
  cidrs: [],
  not_services: [],
  not_namespaces: [],
  not_cidrs: [],
  jwt: null,
  ...rest,
})
const to = (methods: string[] = [], paths: string[] = []): T.PolicyTo => ({
  methods,
  paths,
  hosts: [],
  ports: [],
  not_methods: [],
  not_paths: [],
  not_hosts: [],
  not_ports: [],
})
const rule = (
  who: T.PolicyFrom,
  what: T.PolicyTo = to(),
  rest: Partial<T.PolicyRule> = {},
): T.PolicyRule => ({
  from: who,
  to: what,
  when: [],
  hours: null,
  ...rest,
})

const AT = '2026-01-01T00:00:00Z'
const stored = (value: T.PolicyValue, id: number): T.Policy => ({
  ...value,
  id,
  revision: 30 + id,
  created_at: AT,
  updated_at: AT,
  version: versionOf(value),
})

/** The version of a value is the value: equal ones have equal tags. */
function versionOf({ target, action, mode, rules, check, description }: T.PolicyValue): string {
  const text = JSON.stringify([target, action, mode, rules, check, description])
  return String([...text].reduce((hash, letter) => (hash * 31 + letter.charCodeAt(0)) | 0, 7) >>> 0)
}

const SEED: T.PolicyValue[] = [
  {
    name: 'catalog-readers',
    target: 'shop/catalog',
    action: 'allow',
    mode: 'enforce',
    check: null,
    description: 'Who reads items',
    rules: [
      rule(from(['shop/frontend', 'platform/*']), to(['GET'], ['/items/*', '/products/{id}'])),
      rule(from(['shop/recommendations']), to(['GET'], ['/items/*']), {
        when: [{ header: 'x-tier', in: ['gold'], not_in: [] }],
      }),
    ],
  },
  {
    name: 'payments-callers',
    target: 'shop/payments',
    action: 'allow',
    mode: 'shadow',
    check: null,
    description: '',
    rules: [rule(from(['shop/cart']), to(['POST'], ['/charge']))],
  },
  {
    name: 'no-debug-outside-hours',
    target: '*',
    action: 'deny',
    mode: 'enforce',
    check: null,
    description: 'Nobody looks inside at night',
    rules: [
      rule(from([], { not_namespaces: ['platform'] }), to([], ['/debug/*']), {
        hours: { start: 1080, end: 480, days: [0, 1, 2, 3, 4] },
      }),
    ],
  },
]

/** What each caller asks for, of which the samples tell. */
const PATHS: [method: string, path: string][] = [
  ['GET', '/items/7'],
  ['GET', '/products/3'],
  ['POST', '/charge'],
]

export class MockSecurity {
  policies: T.Policy[] = SEED.map((value, index) => stored(value, index + 1))
  settings: Record<string, T.AccessSetting> = {}
  providers: T.JwtProvider[] = PROVIDERS()

  constructor(private readonly mesh: MockMesh) {
    this.set('platform', { mtls: 'permissive', default_action: null, tokens: null })
  }

  put(value: T.PolicyValue, action: string, reason: string): number {
    const before = this.policies.find(({ name }) => name === value.name)
    const row = {
      ...stored(value, before?.id ?? this.policies.length + 1),
      updated_at: new Date().toISOString(),
    }
    this.policies = [...this.policies.filter(({ name }) => name !== value.name), row]
    this.policies.sort((a, b) => (a.name < b.name ? -1 : 1))
    return this.recorded(action, value.name, before ?? null, row, reason)
  }

  remove(name: string, reason: string): number {
    const before = this.policies.find((each) => each.name === name) ?? null
    this.policies = this.policies.filter((each) => each.name !== name)
    return this.recorded('policy.delete', name, before, null, reason)
  }

  private recorded(
    action: string,
    name: string,
    before: T.Policy | null,
    after: T.Policy | null,
    reason: string,
  ) {
    return this.mesh.record(action, `policy:${name}`, action, reason, { policy: before }, { policy: after })
  }

  setting(scope: string): T.AccessSetting {
    return (
      this.settings[scope] ?? {
        scope,
        mtls: null,
        default_action: null,
        tokens: null,
        revision: 0,
        version: `${scope}-none`,
      }
    )
  }

  set(scope: string, value: Pick<T.AccessSetting, 'mtls' | 'default_action' | 'tokens'>): void {
    const { mtls, default_action, tokens } = value
    this.settings[scope] = {
      ...{ scope, mtls, default_action, tokens, revision: 1 },
      version: `${scope}-${mtls}-${default_action}-${JSON.stringify(tokens)}`,
    }
  }

  private said<K extends 'mtls' | 'default_action' | 'tokens'>(
    service: string,
    field: K,
    builtIn: NonNullable<T.AccessSetting[K]>,
  ) {
    const scopes = [service, service.split('/')[0] ?? '', '*']
    const scope = scopes.find((each) => this.setting(each)[field])
    return {
      value: (scope ? this.setting(scope)[field] : builtIn) as NonNullable<T.AccessSetting[K]>,
      scope: scope ?? 'built-in',
    }
  }

  effective(service: string): T.ServiceAccess {
    const mtls = this.said(service, 'mtls', 'strict')
    const standard = this.said(service, 'default_action', 'allow')
    const tokens = this.said(service, 'tokens', { providers: [], required: false })
    return {
      service,
      gateway: false,
      mtls: mtls.value,
      mtls_from: mtls.scope,
      default_action: standard.value,
      default_from: standard.scope,
      tokens: tokens.value,
      tokens_from: tokens.scope,
      policies: this.of(service).map(({ name }) => name),
    }
  }

  of(service: string, draft?: T.PolicyValue): T.PolicyValue[] {
    const standing: T.PolicyValue[] = this.policies.filter(({ name }) => name !== draft?.name)
    return [...standing, ...(draft ? [draft] : [])].filter(({ target }) => covers(target, service))
  }

  judge(asked: Asked, draft?: T.PolicyValue): Ruling {
    const standing = this.of(asked.service, draft).filter(({ mode }) => mode === 'enforce')
    const found = (action: T.PolicyAction) => {
      for (const { name, action: does, rules } of standing) {
        const index = does === action ? rules.findIndex((each) => unmet(each, asked).length === 0) : -1
        if (index >= 0) return { policy: name, rule: index }
      }
      return null
    }
    const denied = found('deny')
    if (denied) return { allowed: false, ...denied }
    const allowed = found('allow')
    if (allowed) return { allowed: true, ...allowed }
    const isClosed = standing.some(({ action }) => action === 'allow')
    const isAllowed = !isClosed && this.effective(asked.service).default_action === 'allow'
    return { allowed: isAllowed, policy: '', rule: null }
  }

  /** Requests as they were observed: two from each caller that the graph knows. */
  observed(): (Asked & { requests: number })[] {
    return this.mesh.graph(300, 'service').edges.flatMap((edge, index) =>
      PATHS.slice(0, 2).map(([method, path], place) => {
        const [charge] = PATHS.slice(2)
        const [usedMethod, usedPath] = edge.target === 'shop/payments' && charge ? charge : [method, path]
        return {
          source: edge.source,
          service: edge.target,
          method: usedMethod,
          path: usedPath,
          host: '',
          headers: {},
          token: null,
          requests: 40 * (index + 1) - 30 * place,
        }
      }),
    )
  }
}

const isNamed = (patterns: readonly string[], service: string) =>
  patterns.includes(service) || patterns.includes(`${service.split('/')[0]}/*`)
const isPath = (pattern: string, path: string) => {
  if (pattern === '*') return true
  if (pattern.startsWith('*')) return path.endsWith(pattern.slice(1))
  if (pattern.endsWith('*')) return path.startsWith(pattern.slice(0, -1))
  return new RegExp(`^${pattern.replace(/\{\w+\}/g, '[^/]+')}$`).test(path)
}

function unmet({ from: who, to: what, when, hours }: T.PolicyRule, asked: Asked): string[] {
  const namespace = asked.source.split('/')[0] ?? ''
  const parts: [string, boolean][] = [
    ['from.services', !who.services.length || isNamed(who.services, asked.source)],
    ['from.namespaces', !who.namespaces.length || who.namespaces.includes(namespace)],
    ['from.not_services', !isNamed(who.not_services, asked.source)],
    ['from.not_namespaces', !who.not_namespaces.includes(namespace)],
    ['to.methods', !what.methods.length || what.methods.includes(asked.method)],
    ['to.paths', !what.paths.length || what.paths.some((each) => isPath(each, asked.path))],
    ...when.map(({ header, in: among, not_in }, index): [string, boolean] => {
      const value = asked.headers[header.toLowerCase()] ?? ''
      return [`when.${index}`, (!among.length || among.includes(value)) && !not_in.includes(value)]
    }),
    ['from.jwt', !who.jwt || (asked.token !== null && isGood(who.jwt, asked.token))],
    ['hours', hours === null],
  ]
  return parts.filter(([, met]) => !met).map(([part]) => part)
}

function isGood({ providers, claims }: T.PolicyToken, token: NonNullable<Asked['token']>): boolean {
  const says = (name: string, values: string[]) =>
    (token.claims[name] ?? []).some((each) => values.includes('*') || values.includes(each))
  const isTheirs = !providers.length || providers.includes(token.provider)
  return isTheirs && Object.entries(claims).every(([name, values]) => says(name, values))
}

const sentPolicy = (body: Context['body'], name: string): T.PolicyValue => ({
  name,
  target: String(body.target),
  action: body.action as T.PolicyAction,
  mode: (body.mode ?? 'enforce') as T.PolicyMode,
  rules: (body.rules ?? []) as T.PolicyRule[],
  check: (body.check ?? null) as T.PolicyCheck | null,
  description: String(body.description ?? ''),
})

function refusals({ mesh }: Context, value: T.PolicyValue): FieldProblem[] {
  const flaws = policyFlaws(draftOf(value)).map(({ path, text }) => ({
    path,
    code: text,
    detail: `Refused: ${text}`,
  }))
  const services = mesh.services().map(({ id }) => id)
  const isUnknown = value.target !== '*' && !value.target.endsWith('/*') && !services.includes(value.target)
  return isUnknown && !flaws.length
    ? [{ path: 'target', code: 'unknown', detail: `there is no ${value.target}` }]
    : flaws
}

const isDry = ({ query }: Context) => ['1', 'true'].includes(query.get('dry_run') ?? '')

function create(context: Context): Response {
  const { mesh, body } = context
  const value = sentPolicy(body, String(body.name))
  const errors = refusals(context, value)
  if (errors.length) return problem(400, 'invalid', 'Refused.', errors)
  if (mesh.security.policies.some(({ name }) => name === value.name)) {
    return problem(409, 'conflict', 'This name is taken.', [
      { path: 'name', code: 'taken', detail: 'this name is taken' },
    ])
  }
  if (isDry(context)) return json({ ...stored(value, 0), revision: null }, { status: 201 })
  const revision = mesh.security.put(value, 'policy.create', String(body.reason ?? ''))
  return json({ ...found(context, value.name), revision }, { status: 201 })
}

const found = ({ mesh }: Context, name: string) => mesh.security.policies.find((each) => each.name === name)

/** Runs `then` with the policy of the path, if the version that was sent is its own. */
const matched =
  (then: (context: Context, standing: T.Policy) => Response): Handler =>
  (context) => {
    const standing = found(context, context.params.key ?? '')
    if (!standing) return problem(404, 'not_found', 'No such policy.')
    const match = context.request.headers.get('If-Match')
    if (!match) return problem(428, 'precondition_required', 'Send If-Match.')
    if (match !== `"${standing.version}"`) return problem(412, 'stale', 'It changed since you read it.')
    return then(context, standing)
  }

const replace = matched((context, standing) => {
  const value = sentPolicy(context.body, standing.name)
  const errors = refusals(context, value)
  if (errors.length) return problem(400, 'invalid', 'Refused.', errors)
  if (isDry(context)) return json({ ...stored(value, standing.id), revision: null })
  const revision = context.mesh.security.put(value, 'policy.set', String(context.body.reason ?? ''))
  return json({ ...found(context, standing.name), revision })
})

const enforce = matched((context, standing) => {
  const { name } = standing
  const revision = context.mesh.security.put(
    { ...standing, mode: 'enforce' },
    'policy.enforce',
    String(context.body.reason ?? ''),
  )
  return json({ ...found(context, name), revision })
})

const remove = matched(({ mesh, query }, { name }) => {
  mesh.security.remove(name, query.get('reason') ?? '')
  return gone()
})

function usage({ mesh }: Context): Response {
  const { security } = mesh
  const policies = security.policies.flatMap((policy): T.PolicyUse[] => {
    const here = security.observed().filter(({ service }) => covers(policy.target, service))
    const isShadow = policy.mode === 'shadow'
    return [...new Set(here.map(({ service }) => service))].map((service) => {
      const none = { allowed: 0, denied: 0, shadow_denied: 0, shadow_allowed: 0, failed: 0 }
      const use = { service, policy: policy.name, ...none }
      for (const asked of here.filter((each) => each.service === service)) {
        const ruling = security.judge(asked, { ...policy, mode: 'enforce' })
        if (ruling.allowed && ruling.policy === policy.name && !isShadow) use.allowed += asked.requests
        if (!ruling.allowed && !isShadow && policy.action === 'allow') use.denied += asked.requests
        if (!ruling.allowed && isShadow) use.shadow_denied += asked.requests
      }
      return use
    })
  })
  return json({ window_s: 900, covered_s: 900, policies })
}

function matrix({ mesh, query }: Context): Response {
  const { security } = mesh
  const namespace = query.get('namespace') ?? ''
  const services = mesh.services().map(({ id }) => id)
  const called = services.filter((id) => !namespace || id.startsWith(`${namespace}/`))
  const sources = [...services, 'platform/gateway', 'unknown']
  const seen = security.observed()
  const cells = called.flatMap((destination) =>
    sources.flatMap((source): T.MatrixCell[] => {
      const by = security
        .of(destination)
        .filter(({ rules }) => rules.some((each) => isNamed(each.from.services, source)))
      const asked = seen.filter((each) => each.source === source && each.service === destination)
      const requests = asked.reduce((sum, each) => sum + each.requests, 0)
      const denied = asked
        .filter((each) => !security.judge(each).allowed)
        .reduce((sum, each) => sum + each.requests, 0)
      if (!requests && !by.length) return []
      const isNamedHere = by.some(({ mode }) => mode === 'enforce')
      const policy: T.Outlook = isNamedHere
        ? 'conditional'
        : security.judge(asked[0] ?? probe(source, destination)).allowed
          ? 'allowed'
          : 'denied'
      const why = denied ? 'denied_attempts' : requests ? '' : 'unused'
      return [
        {
          source,
          destination,
          policy,
          by: by.map(({ name }) => name),
          requests,
          denied,
          disagrees: denied > 0,
          why,
        },
      ]
    }),
  )
  const destinations = called.map((service) => ({
    service,
    policy: security.judge(probe('nobody/nobody', service)).allowed ? 'allowed' : 'denied',
  }))
  return json({ window_s: 300, covered_s: 297.2, sources, destinations, cells })
}

const probe = (source: string, service: string): Asked => ({
  source,
  service,
  method: 'GET',
  path: '/',
  host: '',
  headers: {},
  token: null,
})

function explain({ mesh, body }: Context): Response {
  const { security } = mesh
  const asked = body as unknown as Asked
  const { tokens } = security.effective(asked.service)
  const isAbsent = tokens.required && !tokens.providers.includes(asked.token?.provider ?? '')
  const ruling = isAbsent ? { allowed: false, policy: '', rule: null } : security.judge(asked)
  const standing = security.of(asked.service)
  const order = ['external', 'deny', 'allow']
  const ordered = [...standing].sort((a, b) => order.indexOf(a.action) - order.indexOf(b.action))
  const asking = standing.filter(({ action, mode }) => action === 'external' && mode === 'enforce')
  const turning = standing.find(
    (each) =>
      each.mode === 'shadow' &&
      security.judge(asked, { ...each, mode: 'enforce' }).allowed !== ruling.allowed,
  )
  const answer: T.Explanation = {
    ...ruling,
    shadow: turning?.name ?? '',
    default_action: security.effective(asked.service).default_action,
    status: isAbsent ? 401 : ruling.allowed ? 200 : 403,
    token: isAbsent ? 'absent' : '',
    checks: asking
      .filter(({ rules }) => rules.some((each) => unmet(each, asked).length === 0))
      .map(({ name }) => name),
    because: '',
    steps: ordered.map(({ name, target, action, mode, rules }) => {
      const looked = rules.map((each, index) => ({ index, unmet: unmet(each, asked) }))
      return {
        policy: name,
        target,
        action,
        mode,
        matched: looked.some((each) => each.unmet.length === 0),
        decisive: name === ruling.policy,
        rules: looked,
      }
    }),
  }
  return json(answer)
}

function replay({ mesh, body }: Context): Response {
  const { security } = mesh
  const draft = { ...(body.policy as T.PolicyValue), description: '' }
  const rows = security
    .observed()
    .filter(({ service }) => covers(draft.target, service))
    .map((asked): T.ReplayRow => {
      const now = security.judge(asked)
      const then = security.judge(asked, draft)
      return {
        source: asked.source,
        destination: asked.service,
        method: asked.method,
        path: asked.path.replace(/\d+/, '*'),
        requests: asked.requests,
        changed: now.allowed !== then.allowed,
        now: now.allowed ? 'allowed' : 'denied',
        draft: then.allowed ? 'allowed' : 'denied',
        policy: then.policy,
      }
    })
    .sort((a, b) => Number(b.changed) - Number(a.changed) || b.requests - a.requests)
  const sum = (of: T.ReplayRow[]) => of.reduce((total, { requests }) => total + requests, 0)
  const answer: T.Replayed = {
    sampled: rows.length * 5,
    requests: sum(rows),
    newly_denied: sum(rows.filter(({ changed, draft: then }) => changed && then === 'denied')),
    newly_allowed: sum(rows.filter(({ changed, draft: then }) => changed && then === 'allowed')),
    unjudged: 0,
    untold: [],
    since: mesh.ago(3_600_000),
    until: mesh.ago(1000),
    rows,
  }
  return json(answer)
}

function suggest({ mesh, body }: Context): Response {
  const service = String(body.service)
  const here = mesh.security.observed().filter((asked) => asked.service === service)
  const sources = [...new Set(here.map(({ source }) => source))].map((source) => {
    const own = here.filter((asked) => asked.source === source)
    return {
      source,
      requests: own.reduce((sum, { requests }) => sum + requests, 0),
      methods: [...new Set(own.map(({ method }) => method))],
      paths: [...new Set(own.map(({ path }) => path.replace(/\d+/, '{id}')))],
    }
  })
  const answer: T.Suggested = {
    policy: {
      name: `${service.split('/')[1]}-callers`,
      target: service,
      action: 'allow',
      mode: 'shadow',
      rules: sources.map(({ source, methods, paths }) => rule(from([source]), to(methods, paths))),
    },
    sampled: here.length * 5,
    covered_s: 3600,
    strangers: 0,
    sources,
  }
  return json(answer)
}

function mtls({ mesh }: Context): Response {
  const { security } = mesh
  return json({
    mesh: security.setting('*'),
    settings: Object.values(security.settings).filter(({ scope }) => scope !== '*'),
    effective: mesh.services().map(({ id }) => security.effective(id)),
  })
}

const readSetting =
  (scopeOf: (context: Context) => string): Handler =>
  (context) =>
    json(context.mesh.security.setting(scopeOf(context)))

const writeSetting =
  (scopeOf: (context: Context) => string): Handler =>
  (context) => {
    const { mesh, body, request } = context
    const scope = scopeOf(context)
    const before = mesh.security.setting(scope)
    if (request.headers.get('If-Match') !== `"${before.version}"`) {
      return problem(412, 'stale', 'It changed since you read it.')
    }
    const after = body as unknown as T.AccessSetting
    mesh.security.set(scope, { ...after, tokens: after.tokens === undefined ? before.tokens : after.tokens })
    const reason = String(body.reason ?? '')
    const revision = mesh.record('access.set', `access:${scope}`, 'set', reason, before, after)
    return json({ ...mesh.security.setting(scope), revision })
  }

function plaintext({ mesh }: Context): Response {
  const services = mesh.services().map(({ id }): T.Migration => {
    const mode = mesh.security.effective(id).mtls ?? 'strict'
    const clear = id === 'platform/users' ? 42 : 0
    const isStrict = mode === 'strict'
    const reason = clear ? `${clear} of 1200 requests came in plaintext` : 'all 1200 requests came over mTLS'
    return {
      service: id,
      mtls: mode,
      requests: 1200,
      plaintext: isStrict ? 0 : clear,
      unproxied: 0,
      safe_to_make_strict: isStrict ? null : clear === 0,
      reason: isStrict ? 'it is strict' : reason,
    }
  })
  const edges = services
    .filter((each) => each.plaintext)
    .map(({ service, requests, plaintext: clear }) => ({
      source: 'unknown',
      destination: service,
      requests,
      plaintext: clear,
      secured_share: 1 - clear / requests,
    }))
  return json({ window_s: 300, covered_s: 297.2, edges, services })
}

const ofNamespace = ({ params }: Context) => params.ns ?? ''

/** Keys that are fetched, and a provider whose keys are not to be had. */
const provider = (value: Partial<T.JwtProvider> & { name: string; issuer: string }): T.JwtProvider => ({
  ...{ id: 1, namespace: '', description: '', audiences: [], algorithms: ['RS256'], clock_skew_s: 60 },
  ...{ headers: [{ name: 'authorization', scheme: 'Bearer' }], cookies: [], query: [], forward: false },
  ...{
    claim_headers: {},
    jwks: null,
    jwks_url: '',
    refresh_s: 300,
    keys: [],
    used_by: { policies: [], settings: [] },
  },
  ...{ fetched_at: null, failing_since: null, fetch_error: '', next_fetch_at: null, revision: 1 },
  ...{ created_at: AT, updated_at: AT, version: 'one' },
  ...value,
})

const PROVIDERS = () => [
  provider({
    name: 'corp',
    issuer: 'https://id.example.com',
    audiences: ['shop'],
    description: 'Staff',
    claim_headers: { 'x-user': 'sub' },
    jwks_url: 'https://id.example.com/.well-known/jwks.json',
    keys: [{ kid: '2026-01', kty: 'RSA', alg: 'RS256' }],
    fetched_at: AT,
  }),
  provider({
    name: 'partner',
    namespace: 'shop',
    issuer: 'https://partner.example',
    algorithms: ['ES256'],
    jwks_url: 'https://partner.example/keys',
    failing_since: AT,
    fetch_error: 'it answered 503',
  }),
]

function makeProvider({ mesh, body }: Context): Response {
  const { reason: _, ...value } = body as unknown as T.JwtProviderValue & { reason: string }
  const keys = value.jwks ? [{ kid: 'given', kty: 'RSA', alg: null }] : []
  const made = provider({ ...value, keys } as never)
  mesh.security.providers = [...mesh.security.providers, made]
  return json(made, { status: 201 })
}

function fetchKeys({ mesh, params }: Context): Response {
  const fetched = { failing_since: null, fetch_error: '', fetched_at: new Date().toISOString() }
  mesh.security.providers = mesh.security.providers.map((each) =>
    each.name === params.name
      ? { ...each, ...fetched, keys: [{ kid: 'new', kty: 'EC', alg: 'ES256' }] }
      : each,
  )
  return json(mesh.security.providers.find(({ name }) => name === params.name))
}

export const SECURITY: [method: string, path: string, handler: Handler][] = [
  [
    'GET',
    'policies',
    ({ mesh, query }) => {
      const service = query.get('service')
      return page(mesh.security.policies.filter(({ target }) => !service || covers(target, service)))
    },
  ],
  ['POST', 'policies', create],
  ['GET', 'policies/usage', usage],
  ['GET', 'policies/matrix', matrix],
  ['POST', 'policies/explain', explain],
  ['POST', 'policies/replay', replay],
  ['POST', 'policies/suggest', suggest],
  [
    'GET',
    'policies/:key',
    (context) => {
      const standing = found(context, context.params.key ?? '')
      return standing ? json(standing) : problem(404, 'not_found', 'No such policy.')
    },
  ],
  ['PUT', 'policies/:key', replace],
  ['DELETE', 'policies/:key', remove],
  ['POST', 'policies/:key/enforce', enforce],
  ['GET', 'jwt-providers', ({ mesh }) => page(mesh.security.providers)],
  ['POST', 'jwt-providers', makeProvider],
  ['POST', 'jwt-providers/:name/refresh', fetchKeys],
  ['GET', 'mtls', mtls],
  ['PUT', 'mtls', writeSetting(() => '*')],
  ['GET', 'mtls/plaintext', plaintext],
  ['GET', 'mtls/namespaces/:ns', readSetting(ofNamespace)],
  ['PUT', 'mtls/namespaces/:ns', writeSetting(ofNamespace)],
  ['GET', 'mtls/services/:namespace/:name', readSetting(serviceId)],
  ['PUT', 'mtls/services/:namespace/:name', writeSetting(serviceId)],
]
