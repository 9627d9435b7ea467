/** A policy as it is edited: ports as they are typed, claims in rows, all else as the API has it. */
import type { Policy, PolicyCheck, PolicyRule, PolicyValue } from '@/api/types'

type To = Omit<PolicyRule['to'], 'ports' | 'not_ports'> & { ports: string[]; not_ports: string[] }
export type ClaimDraft = { name: string; values: string[] }
export type TokenDraft = { providers: string[]; claims: ClaimDraft[] }
type From = Omit<PolicyRule['from'], 'jwt'> & { jwt: TokenDraft | null }
export type RuleDraft = Omit<PolicyRule, 'to' | 'from'> & { to: To; from: From }
export type PolicyDraft = Omit<PolicyValue, 'rules'> & { rules: RuleDraft[] }

export const FROM_LISTS = [
  'services',
  'namespaces',
  'cidrs',
  'not_services',
  'not_namespaces',
  'not_cidrs',
] as const
export const TO_LISTS = [
  'methods',
  'paths',
  'hosts',
  'ports',
  'not_methods',
  'not_paths',
  'not_hosts',
  'not_ports',
] as const
export type FromList = (typeof FROM_LISTS)[number]
export type ToList = (typeof TO_LISTS)[number]

const lists = <K extends string>(names: readonly K[]) =>
  Object.fromEntries(names.map((name) => [name, [] as string[]])) as Record<K, string[]>

export function newRule(): RuleDraft {
  return { from: { ...lists(FROM_LISTS), jwt: null }, to: lists(TO_LISTS), when: [], hours: null }
}

export function newCheck(): PolicyCheck {
  return {
    service: '',
    path_prefix: '',
    timeout_ms: 500,
    on_error: 'deny',
    request_headers: [],
    response_headers: [],
  }
}

/** One begins in shadow, where it decides nothing. */
export function newPolicy(target = ''): PolicyDraft {
  return {
    name: '',
    target,
    action: 'allow',
    mode: 'shadow',
    rules: [newRule()],
    check: null,
    description: '',
  }
}

export function draftOf({
  name,
  target,
  action,
  mode,
  rules,
  check,
  description,
}: PolicyValue | Policy): PolicyDraft {
  const texts = (ports: number[]) => ports.map(String)
  return {
    name,
    target,
    action,
    mode,
    check: check && { ...newCheck(), ...check },
    description,
    rules: rules.map((rule) => ({
      from: { ...newRule().from, ...rule.from, jwt: rule.from.jwt ? tokenDraft(rule.from.jwt) : null },
      to: { ...rule.to, ports: texts(rule.to.ports), not_ports: texts(rule.to.not_ports) },
      when: rule.when,
      hours: rule.hours,
    })),
  }
}

export function policyOf(draft: PolicyDraft): PolicyValue {
  const check = draft.action === 'external' ? (draft.check ?? newCheck()) : null
  return { ...draft, check, rules: draft.rules.map(ruleOf) }
}

function tokenDraft({ providers, claims }: NonNullable<PolicyRule['from']['jwt']>): TokenDraft {
  return { providers, claims: Object.entries(claims).map(([name, values]) => ({ name, values })) }
}

export function ruleOf(rule: RuleDraft): PolicyRule {
  const { ports, not_ports } = rule.to
  const { jwt } = rule.from
  const claims = jwt && Object.fromEntries(jwt.claims.map(({ name, values }) => [name, values]))
  return {
    ...rule,
    from: { ...rule.from, jwt: jwt && { providers: jwt.providers, claims: claims ?? {} } },
    to: { ...rule.to, ports: ports.map(Number), not_ports: not_ports.map(Number) },
  }
}

export function sameValue(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

/** Whether a policy for `target` is also one for this service; a gateway is meant by its name alone. */
export function covers(target: string, service: string): boolean {
  return target === '*' || target === service || target === `${service.split('/')[0]}/*`
}
