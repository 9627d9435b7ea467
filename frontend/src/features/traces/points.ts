/** The scatter of a search: scales, what is near the pointer, and the answer in numbers. Pure. */
import type { TracePoint, TracePoints } from '@/api/types'

export type Brush = { from: number; to: number; min: number; max: number }
export type Summary = { count: number; errors: number; slowest: number; truncated: boolean }

export function summaryOf({ points, truncated }: TracePoints): Summary {
  return {
    count: points.length,
    errors: points.filter(({ error }) => error).length,
    slowest: points.reduce((most, { duration_ms }) => Math.max(most, duration_ms), 0),
    truncated,
  }
}

/** Whole powers of ten around all durations, in milliseconds. A duration of nothing stands at a microsecond. */
export function durationScale(points: readonly TracePoint[]): [number, number] {
  if (points.length === 0) return [1, 1000]
  const durations = points.map(({ duration_ms }) => Math.max(duration_ms, 0.001))
  const low = 10 ** Math.floor(Math.log10(Math.min(...durations)))
  const high = 10 ** Math.ceil(Math.log10(Math.max(...durations)))
  return high > low ? [low, high] : [low, low * 10]
}

/** The whole range that was asked for, or, where only the newest are known, from the oldest of these. */
export function timeScale({ points, truncated }: TracePoints, from: string, to: string): [number, number] {
  const end = Date.parse(to) / 1000
  const oldest = points.reduce((least, { at }) => Math.min(least, at), end)
  const start = truncated ? oldest : Date.parse(from) / 1000
  return [start, Math.max(end, start + 1)]
}

export type Placed = { point: TracePoint; x: number; y: number }

/** The point nearest to a place, at most `reach` pixels away. Failed ones are drawn on top and win ties. */
export function nearest(placed: readonly Placed[], x: number, y: number, reach: number): TracePoint | null {
  let best: TracePoint | null = null
  let least = reach ** 2
  for (const { point, x: left, y: top } of placed) {
    const distance = (left - x) ** 2 + (top - y) ** 2
    if (distance < least || (distance === least && point.error)) {
      best = point
      least = distance
    }
  }
  return best
}
