/** What a person can do to a rollout, what exactly it would do, and why it cannot be done now. */

import { allows } from '@/api/session'
import type { Me, Rollout, RolloutAction } from '@/api/types'
import type { TextParams, Translate } from '@/text'
import { formatRate, formatWeight } from '@/ui/format'
import { formatDuration, parseDuration } from './durations'
import { canaryWeight, pauseText, stepText } from './stateText'

const ENDED = new Set<Rollout['state']>(['succeeded', 'rolled_back'])

/** The actions whose buttons are shown, the most likely one first. */
export function actionsShown({ state, pause_reason, may }: Rollout): RolloutAction[] {
  if (ENDED.has(state)) return []
  if (state === 'draft') return ['start']
  if (state === 'paused' && pause_reason === 'approval') return ['approve', 'reject', 'promote', 'abort']
  const go: RolloutAction[] = state === 'paused' ? ['resume'] : ['pause']
  if (may.includes('retry')) go.push('retry')
  return [...go, 'skip-step', 'promote', 'abort']
}

/** Whether the action lets a rollout past an approval. */
function approves({ plan, step_index }: Rollout, action: RolloutAction): boolean {
  if (action === 'approve' || action === 'reject') return true
  const ahead = plan.steps.slice(step_index)
  if (action === 'promote') return ahead.some((step) => 'approve' in step)
  return action === 'skip-step' && Boolean(ahead[0] && 'approve' in ahead[0])
}

/**
 * Why an action cannot be done now. What a live message allows, it allows somebody, for it goes to many: who may
 * write, and who may approve, is seen to here.
 */
export function whyNot(
  action: RolloutAction,
  rollout: Rollout,
  me: Me | undefined,
  t: Translate,
): string | undefined {
  const { state, pause_reason, may, service, created_by, plan } = rollout
  const namespace = service.split('/')[0] ?? ''
  if (me && !allows(me, 'traffic.write', namespace)) return t('rollout.blocked.permission', { namespace })
  if (me && approves(rollout, action)) {
    if (me.username === created_by) return t('rollout.blocked.author')
    if (plan.approvers.length && !plan.approvers.includes(me.username)) return t('rollout.blocked.approver')
  }
  if (may.includes(action)) return undefined
  if (state === 'rolling_back') return t('rollout.blocked.rollingBack')
  if (state === 'promoting') return t('rollout.blocked.promoting')
  if (action === 'resume' && pause_reason)
    return t('rollout.blocked.resume', { why: pauseText(pause_reason, t) })
  return t('rollout.blocked.now')
}

/** Numbers for the sentence that a confirmation shows. */
export function consequenceOf(action: RolloutAction, rollout: Rollout, t: Translate): string {
  const { canary, stable, service, traffic, acks, steps, step_index, plan } = rollout
  const weight = canaryWeight(rollout)
  const post = parseDuration(plan.safety.post_check)
  const current = plan.steps[step_index]
  const next = plan.steps[step_index + 1]
  const params: TextParams = {
    canary,
    stable,
    service,
    weight: formatWeight(weight),
    rate: formatRate(traffic.canary.rps),
    stableRate: formatRate(traffic.stable.rps),
    proxies: acks.total,
    left: Math.max(0, steps.length - step_index),
    post: post === null ? plan.safety.post_check : formatDuration(post),
    step: current ? stepText(current, t) : '',
    next: next ? stepText(next, t) : t('rollout.do.promote'),
  }
  return t(`rollout.confirm.${action}`, params)
}
