import { describe, expect, it } from 'vitest'
import type { PlanStep } from '@/api/types'
import {
  movedStep,
  STRATEGIES,
  schedule,
  stepsOfStrategy,
  totalOf,
  weightsOf,
} from '@/features/rollouts/steps'

const PACE = { warmMs: 30_000, intervalMs: 15_000, minRequests: 200, rps: 50 }

describe('the schedule', () => {
  it('adds up what each step takes at least', () => {
    const timed = schedule([{ set_weight: 50 }, { bake: '60s' }, { analyse: {} }, { set_weight: 100 }], PACE)
    expect(timed.map(({ startMs }) => startMs)).toEqual([0, 30_000, 90_000, 105_000])
    expect(timed.map(({ waits }) => waits)).toEqual(['proxies', 'time', 'evidence', 'proxies'])
    expect(totalOf(timed, 300_000)).toEqual({ ms: 435_000, people: 0 })
  })

  it('waits for the requests that a pass needs, counting those of the bake', () => {
    const [, , analyse] = schedule([{ set_weight: 1 }, { bake: '60s' }, { analyse: {} }], PACE)
    expect(analyse?.ms).toBe(400_000 - 60_000)
  })

  it('says of an analysis without traffic only the least', () => {
    const [, analyse] = schedule([{ set_weight: 5 }, { analyse: {} }], { ...PACE, rps: null })
    expect(analyse?.ms).toBe(15_000)
  })

  it('counts people apart from time', () => {
    const timed = schedule([{ set_weight: 10 }, { approve: {} }, { pause: {} }, { set_weight: 100 }], PACE)
    expect(timed.map(({ ms }) => ms)).toEqual([30_000, null, null, 30_000])
    expect(totalOf(timed, 0)).toEqual({ ms: 60_000, people: 2 })
  })

  it('knows who meets the canary at each step', () => {
    const match = { path: null, methods: [], headers: [], query: [], cookies: [], sources: [] }
    const steps: PlanStep[] = [
      { set_match: [match] },
      { set_mirror: { percent: 10, unsafe: false } },
      { set_weight: 5 },
      { set_match: [] },
    ]
    expect(schedule(steps, PACE).map(({ audience }) => audience)).toEqual([
      { share: 0, mirrored: 0, matches: [match] },
      { share: 0, mirrored: 0.1, matches: [match] },
      { share: 0.05, mirrored: 0.1, matches: [match] },
      { share: 0.05, mirrored: 0.1, matches: [] },
    ])
  })
})

it('climbs in a canary and switches at once in blue/green', () => {
  expect(weightsOf(stepsOfStrategy('canary'))).toEqual([1, 5, 10, 25, 50, 100])
  expect(weightsOf(stepsOfStrategy('blue_green'))).toEqual([100])
  expect(STRATEGIES.every((strategy) => stepsOfStrategy(strategy).length > 0)).toBe(true)
})

it('moves a step and keeps the others in order', () => {
  const steps: PlanStep[] = [{ set_weight: 1 }, { bake: '1s' }, { analyse: {} }]
  expect(movedStep(steps, 2, 0)).toEqual([{ analyse: {} }, { set_weight: 1 }, { bake: '1s' }])
})
