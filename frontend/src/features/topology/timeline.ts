/** The scrubber's model: what each step of a replay was like, and moving among steps. Pure. */
import type { Replay } from '@/api/types'

export const SPANS = { '15m': 900, '1h': 3600, '6h': 21_600, '24h': 86_400, '7d': 604_800 } as const
export type Span = keyof typeof SPANS
/** Ends are rounded to this, so that asking twice asks the same. */
const GRID_S = 10

/** `at` is the end of the step, Unix seconds. `changes` are those made within it. */
export type Step = {
  at: number
  observed: boolean
  failing: number
  degraded: number
  changes: Replay['changes']
}

export type Stretch = { start: number; end: number }

/** The stretch of a span that ends now, or that has the moment in its middle when that is longer ago. */
export function stretchOf(span: Span, now: number, at: number | null): Stretch {
  const length = SPANS[span]
  const latest = Math.floor(now / GRID_S) * GRID_S
  const wanted =
    at !== null && at < latest - length ? Math.floor((at + length / 2) / GRID_S) * GRID_S : latest
  const end = Math.min(latest, wanted)
  return { start: end - length, end }
}

export function stepsOf({ times, observed, edges, changes, step_s: length }: Replay): Step[] {
  const steps = times.map((at, index): Step => {
    return { at, observed: observed[index] ?? false, failing: 0, degraded: 0, changes: [] }
  })
  for (const { health } of edges) {
    for (const [index, step] of steps.entries()) {
      if (health[index] === 'f') step.failing += 1
      else if (health[index] === 'd') step.degraded += 1
    }
  }
  for (const change of changes) {
    steps.find(({ at }) => change.at_unix <= at && change.at_unix > at - length)?.changes.push(change)
  }
  return steps
}

/** The index of the step nearest to a moment; -1 without steps. */
export function nearestStep(steps: Step[], at: number): number {
  let best = -1
  for (const [index, step] of steps.entries()) {
    const before = steps[best]
    if (!before || Math.abs(step.at - at) <= Math.abs(before.at - at)) best = index
  }
  return best
}

/** Where a step stands on the scrubber, 0 to 1. */
export function shareOf(steps: Step[], index: number): number {
  return steps.length > 1 ? index / (steps.length - 1) : 1
}
