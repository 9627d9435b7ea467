/** What a draft changes of a policy, one sentence each, as a reviewer wants to read it. */
import type { PolicyCheck, PolicyValue } from '@/api/types'
import type { Translate } from '@/text'
import { sameValue } from './policy'
import { ruleWords, targetWords } from './words'

export type Change = { kind: 'added' | 'removed' | 'changed'; text: string }

/** `before` is null for a policy that is not there yet. */
export function policyChanges(before: PolicyValue | null, after: PolicyValue, t: Translate): Change[] {
  const rules = ruleChanges(before, after, t)
  if (!before) {
    const text = t(`sec.policy.sentence.${after.mode}.${after.action}`, {
      name: after.name,
      target: targetWords(after.target, t),
    })
    return [{ kind: 'added', text }, ...rules]
  }
  const aspects = [
    [t('sec.policy.target'), targetWords(before.target, t), targetWords(after.target, t)],
    [t('sec.policy.action'), t(`sec.action.${before.action}`), t(`sec.action.${after.action}`)],
    [t('sec.policy.mode'), t(`sec.mode.${before.mode}`), t(`sec.mode.${after.mode}`)],
    [t('sec.check.title'), checkWords(before.check, t), checkWords(after.check, t)],
    [t('sec.policy.description'), before.description || '–', after.description || '–'],
  ] as const
  return [
    ...aspects
      .filter(([, was, is]) => was !== is)
      .map(([label, was, is]): Change => ({ kind: 'changed', text: `${label}: ${was} → ${is}` })),
    ...rules,
  ]
}

/** "platform/authz, 500 ms, deny". */
export function checkWords(check: PolicyCheck | null, t: Translate): string {
  if (!check) return '–'
  const fields = [
    ...check.request_headers.map((name) => `> ${name}`),
    ...check.response_headers.map((name) => `< ${name}`),
  ]
  const error = t(`sec.check.onError.${check.on_error}`)
  return [`${check.service}${check.path_prefix}`, `${check.timeout_ms} ms`, error, ...fields].join(', ')
}

/** Rules are alternatives, so their order says nothing. A change of the action is said of the policy alone. */
function ruleChanges(before: PolicyValue | null, after: PolicyValue, t: Translate): Change[] {
  const old = before?.rules ?? []
  const added = after.rules.filter((rule) => !old.some((other) => sameValue(rule, other)))
  const removed = old.filter((rule) => !after.rules.some((other) => sameValue(rule, other)))
  const nothing = after.action === 'allow' && after.rules.length === 0 && (!before || old.length > 0)
  return [
    ...removed.map(
      (rule): Change => ({
        kind: 'removed',
        text: ruleWords(rule, before?.action ?? after.action, t),
      }),
    ),
    ...added.map((rule): Change => ({ kind: 'added', text: ruleWords(rule, after.action, t) })),
    ...(nothing ? [{ kind: 'added' as const, text: t('sec.rules.none') }] : []),
  ]
}
