import { describe, expect, it } from 'vitest'
import type { Replay } from '@/api/types'
import { nearestStep, shareOf, stepsOf, stretchOf } from '@/features/topology/timeline'

const change = (id: number, at: number) => ({
  ...{ id, at_unix: at, revision: id, actor: 'ana', action: 'split.set' },
  ...{ object: 'service:shop/cart', namespace: 'shop', summary: '' },
})
const edge = (health: string) => ({
  ...{ id: 'a->b', source: 'a', target: 'b', protocol: 'http', health },
  ...{ rps: [], error_rate: [], p95_ms: [] },
})
const replay: Replay = {
  ...{ start: 100, end: 130, step_s: 10, by: 'service', source: 'frames', resolution_s: 1 },
  times: [110, 120, 130],
  observed: [true, false, true],
  nodes: [],
  edges: [edge('hfd'), edge('d-f')],
  changes: [change(1, 100), change(2, 110), change(3, 111)],
}

describe('the line of time', () => {
  const steps = stepsOf(replay)

  it('counts what was wrong in each step, and knows where nobody looked', () => {
    expect(steps.map(({ failing, degraded, observed }) => [failing, degraded, observed])).toEqual([
      [0, 1, true],
      [1, 0, false],
      [1, 1, true],
    ])
  })

  it('puts a change into the step it was made in', () => {
    expect(steps.map(({ changes }) => changes.map(({ id }) => id))).toEqual([[2], [3], []])
  })

  it('finds the step nearest to a moment', () => {
    expect([0, 114, 116, 999].map((at) => nearestStep(steps, at))).toEqual([0, 0, 1, 2])
    expect(nearestStep([], 5)).toBe(-1)
    expect([0, 2].map((index) => shareOf(steps, index))).toEqual([0, 1])
  })

  it('ends now, or has an older moment in its middle', () => {
    expect(stretchOf('15m', 10_007, null)).toEqual({ start: 9100, end: 10_000 })
    expect(stretchOf('15m', 10_007, 9500)).toEqual({ start: 9100, end: 10_000 })
    expect(stretchOf('15m', 100_007, 9500)).toEqual({ start: 9050, end: 9950 })
  })
})
