/** A policy as it is edited: ports as they are typed, all else as the API has it. */
import type { Policy, PolicyRule, PolicyValue } from '@/api/types'

type To = Omit<PolicyRule['to'], 'ports' | 'not_ports'> & { ports: string[]; not_ports: string[] }
export type RuleDraft = Omit<PolicyRule, 'to'> & { to: To }
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
  return { from: lists(FROM_LISTS), to: lists(TO_LISTS), when: [], hours: null }
}

/** One begins in shadow, where it decides nothing. */
export function newPolicy(target = ''): PolicyDraft {
  return { name: '', target, action: 'allow', mode: 'shadow', rules: [newRule()], description: '' }
}

export function draftOf({
  name,
  target,
  action,
  mode,
  rules,
  description,
}: PolicyValue | Policy): PolicyDraft {
  const texts = (ports: number[]) => ports.map(String)
  return {
    name,
    target,
    action,
    mode,
    description,
    rules: rules.map((rule) => ({
      from: { ...newRule().from, ...rule.from },
      to: { ...rule.to, ports: texts(rule.to.ports), not_ports: texts(rule.to.not_ports) },
      when: rule.when,
      hours: rule.hours,
    })),
  }
}

export function policyOf(draft: PolicyDraft): PolicyValue {
  return { ...draft, rules: draft.rules.map(ruleOf) }
}

export function ruleOf(rule: RuleDraft): PolicyRule {
  const { ports, not_ports } = rule.to
  return { ...rule, to: { ...rule.to, ports: ports.map(Number), not_ports: not_ports.map(Number) } }
}

export function sameValue(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

/** Whether a policy for `target` is also one for this service; a gateway is meant by its name alone. */
export function covers(target: string, service: string): boolean {
  return target === '*' || target === service || target === `${service.split('/')[0]}/*`
}
