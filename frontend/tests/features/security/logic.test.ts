import { describe, expect, it } from 'vitest'
import type { Explanation, JwtProvider, Matrix, PolicyRule, PolicyValue, Replayed } from '@/api/types'
import { policyChanges } from '@/features/security/draft/changes'
import { isForNobody, isPath, policyFlaws } from '@/features/security/draft/flaws'
import {
  covers,
  draftOf,
  newCheck,
  newPolicy,
  newRule,
  policyOf,
  ruleOf,
} from '@/features/security/draft/policy'
import { newProvider, providerDraft, providerOf } from '@/features/security/draft/provider'
import { hoursWords, ruleWords } from '@/features/security/draft/words'
import { becauseWords } from '@/features/security/ExplanationView'
import { requestOf } from '@/features/security/explainRequest'
import { inSight, matrixModel, trafficHeight } from '@/features/security/matrixModel'
import { replayWords } from '@/features/security/ReplayPanel'
import { minutesOf } from '@/features/security/RuleFields'
import { countsByPolicy } from '@/features/security/Usage'
import '@/features/security/texts'
import { t } from '@/text'
import { MockMesh } from '../../../mock/mesh'

const BASE = ruleOf(newRule())
const rule = (from: Partial<PolicyRule['from']>, to: Partial<PolicyRule['to']> = {}): PolicyRule => ({
  ...BASE,
  from: { ...BASE.from, ...from },
  to: { ...BASE.to, ...to },
})
const readers: PolicyValue = {
  name: 'catalog-readers',
  target: 'shop/catalog',
  action: 'allow',
  mode: 'shadow',
  check: null,
  description: '',
  rules: [rule({ services: ['shop/frontend', 'platform/*'] }, { methods: ['GET'], paths: ['/items/*'] })],
}

describe('a rule in words', () => {
  it('says who may do what', () => {
    const [first = BASE] = readers.rules
    expect(ruleWords(first, 'allow', t)).toBe('shop/frontend and anything in platform may GET /items/*')
    expect(ruleWords(first, 'deny', t)).toBe('shop/frontend and anything in platform may not GET /items/*')
    expect(ruleWords(BASE, 'allow', t)).toBe('anyone may call anything')
    expect(ruleWords(BASE, 'deny', t)).toBe('nobody may call anything')
  })
  it('says that services and namespaces both have to hold', () => {
    expect(ruleWords(rule({ services: ['shop/a'], namespaces: ['shop'] }), 'allow', t)).toBe(
      'shop/a (only if in shop) may call anything',
    )
  })
  it('says exceptions, addresses, hosts and ports', () => {
    const who = { cidrs: ['10.0.0.0/8'], not_cidrs: ['10.1.0.0/16'], not_services: ['shop/batch'] }
    const what = {
      not_paths: ['/admin/*'],
      not_methods: ['DELETE'],
      hosts: ['a.org'],
      ports: [8080],
      not_ports: [9090],
    }
    expect(ruleWords(rule(who, what), 'allow', t)).toBe(
      'anyone from 10.0.0.0/8 but not from 10.1.0.0/16 except shop/batch may call anything but not /admin/* ' +
        'by any method but DELETE on host a.org on port 8080 on any port but 9090',
    )
  })
  it('says tokens and checks', () => {
    const jwt = { providers: ['corp'], claims: { role: ['reader', 'admin'], team: ['*'] } }
    const staff = rule({ jwt }, { methods: ['GET'] })
    expect(ruleWords(staff, 'allow', t)).toBe(
      'anyone with a token of corp where role is reader or admin and team is claimed may GET anything',
    )
    expect(ruleWords(staff, 'deny', t)).toMatch(/^anyone with a token .* may not GET anything$/)
    expect(ruleWords(rule({ jwt: { providers: [], claims: {} } }), 'allow', t)).toBe(
      'anyone with a token may call anything',
    )
    expect(ruleWords(BASE, 'external', t)).toBe('anyone may, once checked, call anything')
  })
  it('says conditions', () => {
    const conditions = { when: [{ header: 'x-tier', in: ['gold', 'silver'], not_in: ['free'] }] }
    expect(ruleWords({ ...BASE, ...conditions }, 'allow', t)).toBe(
      'anyone may call anything when x-tier is gold or silver, x-tier is not free',
    )
    expect(hoursWords({ start: 540, end: 1440, days: [4, 0, 1, 2, 3] }, t)).toBe(
      'it is between 09:00 and 24:00 UTC on Mon–Fri',
    )
    expect(hoursWords({ start: 0, end: 60, days: [0, 2] }, t)).toBe(
      'it is between 00:00 and 01:00 UTC on Mon, Wed',
    )
  })
})

describe('a token in a rule', () => {
  it('is edited in rows and sent as the API has it', () => {
    const jwt = { providers: ['corp'], claims: { role: ['reader'], 'realm.roles': ['x', 'y'] } }
    const value = { ...readers, rules: [rule({ jwt })] }
    expect(policyOf(draftOf(value)).rules).toEqual(value.rules)
    expect(draftOf(value).rules[0]?.from.jwt?.claims[1]).toEqual({ name: 'realm.roles', values: ['x', 'y'] })
  })
})

describe('a provider', () => {
  const [corp] = new MockMesh().security.providers
  it('goes through the form unchanged', () => {
    const sent = providerOf(providerDraft(corp as JwtProvider))
    expect(sent).toMatchObject({
      name: 'corp',
      headers: [{ name: 'authorization', scheme: 'Bearer' }],
      claim_headers: { 'x-user': 'sub' },
      jwks: null,
      jwks_url: 'https://id.example.com/.well-known/jwks.json',
    })
  })
  it('is sent with keys or an address, and with keys only where they can be read', () => {
    const given = { ...newProvider(), given: true, jwks_url: 'https://x' }
    expect(providerOf({ ...given, jwks: '{' })).toBeNull()
    expect(providerOf({ ...given, jwks: '{"keys": []}' })).toMatchObject({ jwks: { keys: [] }, jwks_url: '' })
  })
})

describe('what is wrong with a policy', () => {
  const pathsOf = (value: PolicyValue) => policyFlaws(draftOf(value)).map(({ path }) => path)
  it('finds nothing in a good one, and what a new one lacks', () => {
    expect(pathsOf(readers)).toEqual([])
    expect(policyFlaws(newPolicy()).map(({ path }) => path)).toEqual(['name', 'target'])
  })
  it('wants to know whom to ask, and about what', () => {
    const asks: PolicyValue = { ...readers, action: 'external', check: newCheck() }
    expect(pathsOf(asks)).toEqual(['check.service'])
    const whole = { ...asks, check: { ...newCheck(), service: 'platform/authz' } }
    expect(pathsOf(whole)).toEqual([])
    expect(pathsOf({ ...whole, rules: [] })).toEqual(['rules'])
    expect(
      pathsOf({
        ...whole,
        check: { ...whole.check, timeout_ms: 0, path_prefix: 'x/', request_headers: ['X'] },
      }),
    ).toEqual(['check.path_prefix', 'check.timeout_ms', 'check.request_headers.0'])
    expect(policyOf(draftOf({ ...whole, action: 'allow' })).check).toBeNull()
  })
  it('names the entry of a list', () => {
    const bad = rule(
      { services: ['shop/frontend', 'shop'], namespaces: ['Shop'], cidrs: ['all'] },
      { methods: ['get'], paths: ['items'], hosts: ['*.UP'] },
    )
    expect(pathsOf({ ...readers, rules: [bad] })).toEqual([
      'rules.0.from.services.1',
      'rules.0.from.namespaces.0',
      'rules.0.from.cidrs.0',
      'rules.0.to.methods.0',
      'rules.0.to.paths.0',
      'rules.0.to.hosts.0',
    ])
  })
  it('refuses ports that are none, headers without values, hours of no length, and denials of nothing', () => {
    const draft = draftOf({ ...readers, rules: [rule({})] })
    const [first = newRule()] = draft.rules
    first.to.ports = ['8080', '0', 'http', '65536']
    first.when = [{ header: 'x y', in: [], not_in: [] }]
    first.hours = { start: 60, end: 60, days: [] }
    expect(policyFlaws(draft).map(({ path }) => path)).toEqual([
      'rules.0.to.ports.1',
      'rules.0.to.ports.2',
      'rules.0.to.ports.3',
      'rules.0.when.0.header',
      'rules.0.when.0.in',
      'rules.0.hours.end',
    ])
    expect(pathsOf({ ...readers, action: 'deny', rules: [] })).toEqual(['rules'])
    expect(pathsOf({ ...readers, rules: [] })).toEqual([])
  })
  it('knows the patterns of paths', () => {
    for (const good of ['/a', '/a/*', '*.json', '*', '/a/{id}/b']) expect(isPath(good), good).toBe(true)
    for (const bad of ['a', '/a*b', '*a*', '/a/{id}*', '/a/{id', '/a/x{id}', '/a b'])
      expect(isPath(bad), bad).toBe(false)
  })
  it('sees a rule that is for nobody', () => {
    expect(isForNobody(rule({ services: ['shop/a'], namespaces: ['platform'] }).from)).toBe(true)
    expect(isForNobody(rule({ services: ['shop/a', 'platform/*'], namespaces: ['platform'] }).from)).toBe(
      false,
    )
    expect(isForNobody(rule({ namespaces: ['platform'] }).from)).toBe(false)
  })
  it('reads clocks', () => {
    expect([
      minutesOf('09:05'),
      minutesOf('24:00'),
      minutesOf('24:01'),
      minutesOf('9'),
      minutesOf('9:60'),
    ]).toEqual([545, 1440, null, null, null])
  })
})

it('keeps a policy whole through the editor', () => {
  const value = { ...readers, rules: [rule({}, { ports: [8080], not_ports: [1] })] }
  expect(policyOf(draftOf(value))).toEqual(value)
})

it('knows which services a policy is for', () => {
  expect([covers('*', 'shop/a'), covers('shop/*', 'shop/a'), covers('shop/a', 'shop/a')]).toEqual([
    true,
    true,
    true,
  ])
  expect([covers('shop/*', 'shopping/a'), covers('shop/b', 'shop/a')]).toEqual([false, false])
})

it('tells a change in sentences', () => {
  const [first = BASE] = readers.rules
  const after: PolicyValue = { ...readers, mode: 'enforce', rules: [rule({ services: ['shop/cart'] })] }
  expect(policyChanges(readers, after, t)).toEqual([
    { kind: 'changed', text: 'Mode: Shadow → Enforced' },
    { kind: 'removed', text: ruleWords(first, 'allow', t) },
    { kind: 'added', text: 'shop/cart may call anything' },
  ])
  expect(policyChanges(readers, readers, t)).toEqual([])
  expect(policyChanges(readers, { ...readers, rules: [] }, t).at(-1)?.text).toBe('No rules: nobody may call.')
})

it('says what a replay found, the worst sources first', () => {
  const row = (source: string, requests: number, draft: 'allowed' | 'denied') => ({
    source,
    destination: 'shop/catalog',
    method: 'GET',
    path: '/',
    requests,
    changed: draft === 'denied',
    now: 'allowed' as const,
    draft,
    policy: '',
  })
  const replayed: Replayed = {
    sampled: 9,
    requests: 400,
    newly_denied: 312,
    newly_allowed: 0,
    unjudged: 0,
    untold: [],
    since: null,
    until: null,
    rows: [
      row('shop/a', 12, 'denied'),
      row('shop/b', 200, 'denied'),
      row('shop/b', 100, 'denied'),
      row('shop/c', 88, 'allowed'),
    ],
  }
  expect(replayWords(replayed, t)).toBe(
    'It would have denied 312 requests that passed: 300 from shop/b, 12 from shop/a',
  )
  expect(replayWords({ ...replayed, newly_denied: 0 }, t)).toBe('Nothing that passed would have been denied')
  expect(replayWords({ ...replayed, requests: 0, newly_denied: 0 }, t)).toMatch(/^No request was observed/)
})

describe('an explanation', () => {
  const step = (action: 'allow' | 'deny', mode: 'enforce' | 'shadow', policy: string) => ({
    policy,
    target: '*',
    action,
    mode,
    matched: false,
    decisive: false,
    rules: [],
  })
  const base: Explanation = {
    allowed: false,
    policy: '',
    rule: null,
    shadow: '',
    default_action: 'allow',
    status: 403,
    token: '',
    checks: [],
    because: '',
    steps: [],
  }
  it('counts rules from one', () => {
    const steps = [step('deny', 'enforce', 'd')]
    expect(becauseWords({ ...base, policy: 'd', rule: 0, steps }, t)).toBe(
      'Rule 1 of the deny policy d matches.',
    )
  })
  it('says first what is wrong with a token', () => {
    expect(becauseWords({ ...base, token: 'absent' }, t)).toMatch(/^A token is required/)
    expect(becauseWords({ ...base, token: 'expired' }, t)).toBe('Its token is refused (expired): 401.')
  })
  it('tells what nothing allows from what the default says', () => {
    expect(becauseWords({ ...base, steps: [step('allow', 'enforce', 'a')] }, t)).toMatch(
      /^No rule of a matches/,
    )
    expect(becauseWords({ ...base, steps: [step('allow', 'shadow', 'a')] }, t)).toMatch(/default is to allow/)
  })
  it('is asked once there is somebody to call, and the headers can be read', () => {
    const question = {
      source: '',
      service: '',
      method: 'GET',
      path: '',
      host: '',
      headers: '',
      address: '',
      at: '',
      provider: '',
      claims: '',
    }
    expect(requestOf(question)).toBeNull()
    expect(requestOf({ ...question, service: 'a/b', headers: 'oops' })).toBeNull()
    const asked = requestOf({ ...question, service: 'a/b', headers: 'X-Tier: gold', at: '2026-01-01T10:00Z' })
    const stated = requestOf({
      ...question,
      service: 'a/b',
      provider: 'corp',
      claims: 'role: a, b\nurn:x: y',
    })
    expect(stated?.token).toEqual({ provider: 'corp', claims: { role: ['a', 'b'], urn: ['x: y'] } })
    expect(asked?.token).toBeNull()
    expect(asked).toMatchObject({ path: '/', headers: { 'x-tier': 'gold' }, at: '2026-01-01T10:00:00.000Z' })
  })
})

describe('the matrix', () => {
  const cell = (source: string, destination: string, requests: number, disagrees = false) => ({
    source,
    destination,
    policy: 'conditional' as const,
    by: ['p'],
    requests,
    denied: 0,
    disagrees,
    why: disagrees ? ('denied_attempts' as const) : ('' as const),
  })
  const matrix: Matrix = {
    window_s: 300,
    covered_s: 300,
    sources: ['shop/a', 'shop/b', 'unknown'],
    destinations: [
      { service: 'shop/c', policy: 'denied' },
      { service: 'shop/d', policy: 'allowed' },
    ],
    cells: [cell('shop/a', 'shop/c', 5), cell('shop/b', 'shop/c', 1, true), cell('shop/a', 'shop/d', 0)],
  }
  it('fills what is not told with what the destination says', () => {
    const model = matrixModel(matrix, { search: '', show: 'all' })
    expect(model.sources).toHaveLength(3)
    expect(model.pair('unknown', 'shop/c')).toMatchObject({ policy: 'denied', implied: true, requests: 0 })
    expect(model.pair('shop/a', 'shop/c')).toMatchObject({ policy: 'conditional', implied: false })
    expect(model.told.map(({ source, destination }) => source + destination)[0]).toBe('shop/bshop/c')
  })
  it('keeps the rows and columns of what is looked for', () => {
    const used = matrixModel(matrix, { search: '', show: 'used' })
    expect([used.sources, used.destinations]).toEqual([['shop/a', 'shop/b'], ['shop/c']])
    const flagged = matrixModel(matrix, { search: '', show: 'flagged' })
    expect([flagged.sources, flagged.destinations]).toEqual([['shop/b'], ['shop/c']])
    const named = matrixModel(matrix, { search: 'shop/d', show: 'all' })
    expect([named.sources, named.destinations]).toEqual([['shop/a'], ['shop/d']])
  })
  it('draws only what is in sight', () => {
    expect(inSight(0, 280, 28, 100)).toEqual([0, 14])
    expect(inSight(2800, 280, 28, 300)).toEqual([96, 114])
    expect(inSight(0, 2800, 28, 5)).toEqual([0, 4])
  })
  it('shows traffic by its order of magnitude, and the least of it still', () => {
    expect([trafficHeight(0, 100), trafficHeight(1, 1e6), trafficHeight(100, 100)]).toEqual([0, 0.2, 1])
  })
})

it('sums what a policy decided at all its services', () => {
  const use = { allowed: 1, denied: 2, shadow_denied: 3, shadow_allowed: 4, failed: 5 }
  const counts = countsByPolicy([
    { service: 'a/a', policy: 'p', ...use },
    { service: 'a/b', policy: 'p', ...use },
  ])
  expect(counts.get('p')).toEqual({ allowed: 2, denied: 4, shadow_denied: 6, shadow_allowed: 8, failed: 10 })
})
