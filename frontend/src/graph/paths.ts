/** The course of an edge in model coordinates: a segment or a quadratic curve. */
import type { Point } from './layoutTypes'

export type EdgePath = { from: Point; bend: Point | null; to: Point }

/** How far the control point of a bent edge stands off. */
export const BEND = 34
/** From the centre of a node to where its edges end. */
export const NODE_RADIUS = 27

/** The course of an edge between the centres of two nodes; null where they stand on one another. */
export function edgePath(source: Point, target: Point, bent: boolean): EdgePath | null {
  const length = Math.hypot(target.x - source.x, target.y - source.y)
  if (length < 2 * NODE_RADIUS) return null
  const unit = { x: (target.x - source.x) / length, y: (target.y - source.y) / length }
  const middle = { x: (source.x + target.x) / 2, y: (source.y + target.y) / 2 }
  const bend = bent ? { x: middle.x + unit.y * BEND, y: middle.y - unit.x * BEND } : null
  return { from: towards(source, bend ?? target), bend, to: towards(target, bend ?? source) }
}

/** Where an edge leaves a node. */
function towards(node: Point, aim: Point): Point {
  const share = NODE_RADIUS / Math.hypot(aim.x - node.x, aim.y - node.y)
  return { x: node.x + (aim.x - node.x) * share, y: node.y + (aim.y - node.y) * share }
}

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
