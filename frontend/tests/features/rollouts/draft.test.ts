import { MockMesh } from '@mock/mesh'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Service } from '@/api/types'
import {
  bodyOf,
  type Draft,
  draftFromPlan,
  dropDraft,
  loadDraft,
  newDraft,
  planOf,
  problemsOf,
  saveDraft,
  stepsOf,
  withVersions,
  wizardStepOf,
} from '@/features/rollouts/draft'

const SERVICE = new MockMesh().service('shop/catalog') as Service
const whole = (patch: Partial<Draft> = {}): Draft => ({
  ...withVersions(newDraft('shop/catalog'), SERVICE),
  ...patch,
})
const weighted = (weights: Record<string, number>): Service => ({
  ...SERVICE,
  versions: Object.entries(weights).map(([name, weight]) => ({
    name,
    weight,
    instances: 1,
    healthy: 1,
    draining: 0,
  })),
})

beforeEach(() => localStorage.clear())

describe('the versions', () => {
  it('are chosen by where the traffic is', () => {
    expect(whole()).toMatchObject({ stable: 'v1', canary: 'v2' })
    const swapped = withVersions(newDraft('shop/catalog'), weighted({ v1: 0, v2: 100 }))
    expect(swapped).toMatchObject({ stable: 'v2', canary: 'v1' })
  })

  it('keep what was chosen, and make room for it', () => {
    const service = weighted({ v1: 100, v2: 0, v3: 0 })
    expect(withVersions({ ...newDraft('x/y'), canary: 'v2' }, service)).toMatchObject({
      canary: 'v2',
      stable: 'v1',
    })
    const taken = withVersions({ ...newDraft('x/y'), canary: 'v1', stable: 'v1' }, service)
    expect(taken.stable).not.toBe('v1')
  })

  it('are none where there is only one', () => {
    expect(withVersions(newDraft('x/y'), weighted({ v1: 100 })).canary).toBe('')
  })
})

describe('what is wrong with a draft', () => {
  it('is nothing by default', () => {
    expect(problemsOf(whole())).toEqual({})
  })

  it('is said by the path that the server uses', () => {
    const draft = whole({
      steps: {
        canary: [
          { set_weight: 120 },
          { bake: 'soon' },
          { webhook: { url: 'ftp://x' } },
          { set_mirror: { percent: Number.NaN, unsafe: false } },
        ],
      },
      notify: [
        { kind: 'slack', target: '', on: ['started'] },
        { kind: 'webhook', target: 'example', on: ['started'] },
      ],
    })
    draft.safety = { ...draft.safety, warm: '', dead_man: 'never' }
    draft.analysis = { ...draft.analysis, interval: '15', min_requests: 0 }
    expect(problemsOf(draft)).toEqual({
      'steps.0': 'percent',
      'steps.1': 'duration',
      'steps.2': 'url',
      'steps.3': 'percent',
      'notify.0.target': 'required',
      'notify.1.target': 'url',
      'safety.warm': 'duration',
      'safety.dead_man': 'duration',
      'analysis.interval': 'duration',
      'analysis.min_requests': 'positive',
    })
  })

  it('is mended on the step that has the field', () => {
    const paths = [
      'canary',
      'checks.canary_healthy',
      'steps.3.bake',
      'analysis.metrics.0.promql',
      'notify.0.target',
      'x',
    ]
    expect(paths.map(wizardStepOf)).toEqual(['service', 'service', 'steps', 'analysis', 'safety', 'review'])
  })
})

describe('a kept draft', () => {
  it('is found again by its service, and by no other', () => {
    saveDraft(whole({ reason: 'catalog 2.4' }))
    expect(loadDraft('shop/catalog')?.reason).toBe('catalog 2.4')
    expect(loadDraft('shop/cart')).toBeNull()
    dropDraft('shop/catalog')
    expect(loadDraft('shop/catalog')).toBeNull()
  })

  it('is nothing when it cannot be read', () => {
    localStorage.setItem('meshui.rollout.draft:shop/catalog', '{"shape":0,"draft":{}}')
    expect(loadDraft('shop/catalog')).toBeNull()
    localStorage.setItem('meshui.rollout.draft:shop/catalog', 'no JSON')
    expect(loadDraft('shop/catalog')).toBeNull()
  })
})

it('keeps the steps of each strategy that were edited', () => {
  const draft = whole({ steps: { manual: [{ set_weight: 100 }] } })
  expect(stepsOf({ ...draft, strategy: 'manual' })).toEqual([{ set_weight: 100 }])
  expect(stepsOf(draft)).toHaveLength(16)
})

it('sends what is shown, and starts anew from what was sent', () => {
  const draft = whole({ reason: 'why' })
  expect(bodyOf(draft)).toMatchObject({ stable: 'v1', start: true, reason: 'why', on_fail: 'rollback' })
  expect(planOf(draftFromPlan(planOf(draft)))).toEqual(planOf(draft))
})
