import { MockMesh } from '@mock/mesh'
import { describe, expect, it } from 'vitest'
import type { Me, Measurement, Rollout } from '@/api/types'
import { mergeEvents } from '@/api/useRollouts'
import { actionsShown, consequenceOf, whyNot } from '@/features/rollouts/actions'
import { evidenceSeries } from '@/features/rollouts/CockpitEvidence'
import { countdownOf, rungsOf, stepsOf } from '@/features/rollouts/ladder'
import { formatEvidence, sentenceOf, stateLabel } from '@/features/rollouts/stateText'
import '@/features/rollouts/texts'
import { t } from '@/text'

const mesh = new MockMesh()
const all = mesh.rollouts.all()
const inState = (state: Rollout['state'], reason = ''): Rollout => {
  const found = all.find((each) => each.state === state && each.pause_reason === reason)
  if (!found) throw new Error(`no rollout that is ${state} ${reason}`)
  return found
}
const person = (username: string, permissions: string[] = ['view', 'traffic.write']): Me => ({
  username,
  email: '',
  is_superuser: false,
  roles: [],
  permissions: { '*': permissions as never },
  csrf: '',
})

describe('the ladder', () => {
  it('groups the steps by the weight they run at', () => {
    const rungs = rungsOf(inState('progressing').steps)
    expect(rungs.map(({ weight }) => weight)).toEqual([1, 5, 10, 25, 50, 100])
    expect(rungs.map(({ state }) => state)).toEqual(['done', 'done', 'done', 'current', 'todo', 'todo'])
  })

  it('shows where a rollout turned back', () => {
    const back = inState('rolled_back')
    const ended = { ...back, steps: back.steps.map((step) => ({ ...step, state: 'todo' as const })) }
    expect(stepsOf(ended)[back.step_index]?.state).toBe('current')
  })

  it('counts down to the end of a bake, and to nothing while a person decides', () => {
    const running = inState('progressing')
    const started = running.steps[running.step_index]?.started_at ?? ''
    expect(countdownOf(running)).toEqual({
      to: 'step',
      at: new Date(Date.parse(started) + 60_000).toISOString(),
    })
    expect(countdownOf({ ...running, step_phase: 'warming' })?.to).toBe('warm')
    expect(countdownOf(inState('paused', 'approval'))).toBeNull()
  })
})

describe('the actions', () => {
  it('are those that mean something in the state', () => {
    expect(actionsShown(inState('progressing'))).toEqual(['pause', 'skip-step', 'promote', 'abort'])
    expect(actionsShown(inState('paused', 'approval'))).toEqual(['approve', 'reject', 'promote', 'abort'])
    expect(actionsShown(inState('rolled_back'))).toEqual([])
  })

  it('are kept from the author and from whoever is no approver', () => {
    const waiting = inState('paused', 'approval')
    const blocked = (name: string, action: 'approve' | 'promote' | 'abort', approvers: string[] = []) =>
      whyNot(action, { ...waiting, plan: { ...waiting.plan, approvers } }, person(name), t)
    expect(blocked('bruno', 'approve')).toBeUndefined()
    expect(blocked(waiting.created_by, 'approve')).toBe(t('rollout.blocked.author'))
    expect(blocked(waiting.created_by, 'promote')).toBe(t('rollout.blocked.author'))
    expect(blocked('bruno', 'approve', ['carla'])).toBe(t('rollout.blocked.approver'))
    expect(blocked(waiting.created_by, 'abort')).toBeUndefined()
  })

  it('say why they cannot be done', () => {
    const running = inState('progressing')
    const viewer = person('vera', ['view'])
    expect(whyNot('abort', running, viewer, t)).toBe(t('rollout.blocked.permission', { namespace: 'shop' }))
    const back: Rollout = { ...running, state: 'rolling_back', may: [] }
    expect(whyNot('pause', back, person('ana'), t)).toBe(t('rollout.blocked.rollingBack'))
  })

  it('say exactly what they will do', () => {
    const said = consequenceOf('abort', inState('progressing'), t).replaceAll('\u00a0', ' ')
    expect(said).toContain('v2 gives its 25 % (9.50 rps) back to v1 at once, on all 11 proxies')
  })
})

it('says in one sentence what is happening', () => {
  const plain = (rollout: Rollout) => sentenceOf(rollout, t).replaceAll('\u00a0', ' ')
  expect(plain(inState('progressing'))).toBe('v2 takes 25 % of shop/payments: analysing')
  expect(plain(inState('paused', 'laggards'))).toContain('is paused at 5 %: proxies did not acknowledge')
  expect(plain(inState('rolled_back'))).toBe('shop/catalog went back from v2 to v1')
  expect(plain({ ...inState('progressing'), state: 'paused', pause_reason: 'moonlight' })).toContain(
    'moonlight',
  )
  expect(stateLabel({ state: 'paused', pause_reason: 'approval' }, t)).toBe('Paused: waits for approval')
})

describe('the evidence', () => {
  it('is short however large it is', () => {
    expect([0.001, 1.4, 51.67, 597.4, 1e14, null].map(formatEvidence)).toEqual([
      '<\u00a00.01',
      '1.4',
      '51.7',
      '597',
      '10¹⁴',
      '–',
    ])
  })

  it('is one series for each metric at common times, with room above the limit', () => {
    const at = (second: number, metric: string, log_e: number | null): Measurement => ({
      ...(mesh.rollouts.measurements(inState('progressing').id)[0] as Measurement),
      at: new Date(second * 1000).toISOString(),
      metric,
      log_e,
    })
    const series = evidenceSeries([
      at(10, 'errors', 0),
      at(10, 'latency', 1),
      at(25, 'errors', 800),
      at(25, 'mine', null),
    ])
    expect(series?.times).toEqual([10, 25])
    expect(series?.metrics).toEqual([
      ['errors', [1, 1e12]],
      ['latency', [Math.E, null]],
    ])
    expect(series?.range[1]).toBeGreaterThan(1e12)
    expect(evidenceSeries([])).toBeNull()
  })
})

it('keeps each event once', () => {
  const event = (seq: number) => ({ seq, at: '', kind: 'step', actor: '', step: 0, detail: '', data: {} })
  const known = [event(1), event(2)]
  expect(mergeEvents(known, [event(1), event(2)])).toBe(known)
  expect(mergeEvents(known, [event(2), event(3)]).map(({ seq }) => seq)).toEqual([1, 2, 3])
})
