/** Where along its edge a label stands, so that labels lie neither on nodes nor on one another. Pure. */
import type { Point } from './layoutTypes'
import type { EdgeView, NodeView } from './model'
import { type EdgePath, pathLength, pointOn } from './paths'

type Area = { left: number; right: number; top: number; bottom: number }

const LETTER = 6.4
const LABEL_HEIGHT = 16
const NODE_HALF = 27
const NAME_LETTER = 7
const NAME_LINE = 15
/** The lock near the caller has this stretch of the edge for itself. */
const LOCK_ROOM = 42
const STEPS = [0, 1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 6, -6, 7, -7, 8, -8]
const STEP = 0.04

/** Half the width of a label, in model pixels. */
export function labelHalfWidth(label: string): number {
  return (label.length * LETTER) / 2 + 3
}

/** How much of an edge a label hides to either side of its place. */
export function labelHalfLength(label: string, { from, to }: EdgePath): number {
  const length = Math.max(1, Math.hypot(to.x - from.x, to.y - from.y))
  const across = Math.abs(to.x - from.x) / length || 0.001
  const down = Math.abs(to.y - from.y) / length || 0.001
  return Math.min(labelHalfWidth(label) / across, LABEL_HEIGHT / 2 / down)
}

/** The share of its edge, from the caller, at which each label stands: near the middle, where there is room. */
export function placeLabels(
  edges: EdgeView[],
  paths: Map<string, EdgePath>,
  nodes: { view: NodeView; at: Point }[],
): Map<string, number> {
  const taken = nodes.flatMap(({ view, at }) => nodeAreas(view, at))
  const places = new Map<string, number>()
  // Short edges have the least choice.
  const ordered = edges
    .flatMap((edge) => {
      const path = paths.get(edge.id)
      return path && edge.label ? [{ edge, path, length: pathLength(path) }] : []
    })
    .sort((a, b) => a.length - b.length || (a.edge.id < b.edge.id ? -1 : 1))
  for (const { edge, path, length } of ordered) {
    const halfLength = labelHalfLength(edge.label, path)
    const least = edge.secured ? (LOCK_ROOM + halfLength) / length : 0
    const at = bestPlace(edge, path, Math.min(0.7, least), taken)
    places.set(edge.id, at)
    taken.push(areaOf(edge, path, at))
  }
  return places
}

function bestPlace(edge: EdgeView, path: EdgePath, least: number, taken: Area[]): number {
  const middle = Math.max(0.5, least)
  let best = { at: middle, price: Number.POSITIVE_INFINITY }
  for (const step of STEPS) {
    const at = middle + step * STEP
    if (at < least || at > 0.85) continue
    const area = areaOf(edge, path, at)
    const price = Math.abs(step) + taken.reduce((sum, other) => sum + overlap(area, other), 0)
    if (price < best.price) best = { at, price }
  }
  return best.at
}

function areaOf(edge: EdgeView, path: EdgePath, at: number): Area {
  const { x, y } = pointOn(path, at)
  const half = labelHalfWidth(edge.label)
  return { left: x - half, right: x + half, top: y - LABEL_HEIGHT / 2, bottom: y + LABEL_HEIGHT / 2 }
}

/** The square of a node, and its name beneath. */
function nodeAreas({ label }: NodeView, { x, y }: Point): Area[] {
  const lines = label.split('\n')
  const half = (Math.max(...lines.map((line) => line.length)) * NAME_LETTER) / 2
  return [
    { left: x - NODE_HALF, right: x + NODE_HALF, top: y - NODE_HALF, bottom: y + NODE_HALF },
    {
      left: x - half,
      right: x + half,
      top: y + NODE_HALF,
      bottom: y + NODE_HALF + 4 + NAME_LINE * lines.length,
    },
  ]
}

function overlap(a: Area, b: Area): number {
  const width = Math.min(a.right, b.right) - Math.max(a.left, b.left)
  const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top)
  return width > 0 && height > 0 ? 20 + width * height : 0
}
