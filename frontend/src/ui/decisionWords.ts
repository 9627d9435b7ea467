/** What proxies decide about requests, in words: response flags, and the rule that decided. */
import { addEnglish, type TextKey, type Translate } from '@/text'
import { decisionsEn } from '@/text/decisions.en'

addEnglish(decisionsEn)

const FLAGS = [
  'NR',
  'NC',
  'UH',
  'UF',
  'UC',
  'UPE',
  'UT',
  'UO',
  'URX',
  'SI',
  'DC',
  'DPE',
  'FI',
  'RL',
  'RLSE',
  'UAEX',
] as const
export type Flag = (typeof FLAGS)[number]

export function isFlag(flag: string): flag is Flag {
  return (FLAGS as readonly string[]).includes(flag)
}

/** "No healthy instance (UH)"; a flag that we do not know stands for itself. */
export function flagWords(flag: string, t: Translate): string {
  return isFlag(flag) ? t('flag.said', { words: t(`flag.${flag}`), flag }) : flag
}

export const KNOWN_FLAGS: readonly Flag[] = FLAGS

const RULES: Record<string, TextKey> = {
  policy: 'rule.policy',
  default: 'rule.default',
  limit: 'rule.limit',
  breaker: 'rule.breaker',
  malformed: 'rule.malformed',
  jwt: 'rule.jwt',
  external: 'rule.external',
}

/** A rule as proxies name it, `kind:name` or `policy:name/index`, index from 0. */
export function ruleWords(rule: string, t: Translate): string {
  const { kind, name, index } = partsOf(rule)
  if (kind === 'default') return t(name === 'allow' ? 'rule.default.allow' : 'rule.default')
  if (kind === 'policy' && index !== null) return t('rule.policy.rule', { name, number: index + 1 })
  const words = RULES[kind]
  return words ? t(words, { name }) : rule
}

/** The access policy that a rule belongs to. */
export function policyOf(rule: string): string | null {
  const { kind, name } = partsOf(rule)
  return kind === 'policy' ? name : null
}

function partsOf(rule: string): { kind: string; name: string; index: number | null } {
  const [kind = '', rest = ''] = rule.split(/:(.*)/s)
  const [name = '', index] = rest.split('/')
  return { kind, name, index: index === undefined ? null : Number(index) }
}
