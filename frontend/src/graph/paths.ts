/** The course of an edge in model coordinates: a segment or a quadratic curve. */
import type { Point } from './layoutTypes'

export type EdgePath = { from: Point; bend: Point | null; to: Point }

export function pathLength({ from, to }: EdgePath): number {
  return Math.max(1, Math.hypot(to.x - from.x, to.y - from.y))
}

export function pointOn({ from, bend, to }: EdgePath, t: number): Point {
  const u = 1 - t
  if (!bend) return { x: u * from.x + t * to.x, y: u * from.y + t * to.y }
  return {
    x: u * u * from.x + 2 * u * t * bend.x + t * t * to.x,
    y: u * u * from.y + 2 * u * t * bend.y + t * t * to.y,
  }
}
