/**
 * Where nodes stand: callers left of callees, one compact box per namespace.
 *
 * Pure and deterministic: the same graph gives the same positions in whatever order it arrives. A node that
 * has a position keeps it; only nodes without one are placed, in free cells near the nodes they talk to.
 */
import { layoutBoxes } from './layoutBoxes'
import {
  type Box,
  boundsOf,
  boxOf,
  COLUMN,
  compare,
  type LayoutEdge,
  type LayoutNode,
  type Point,
  type Positions,
  ROW,
  STACK_GAP,
} from './layoutTypes'

export { rank } from './layoutBoxes'
export { toSegment } from './layoutRefine'
export { type LayoutEdge, type LayoutNode, type Point, type Positions, ROW } from './layoutTypes'

export function layout(nodes: LayoutNode[], edges: LayoutEdge[], placed: Positions): Positions {
  const sorted = [...nodes].sort((a, b) => compare(a.id, b.id))
  const known = new Set(sorted.map((node) => node.id))
  const links = edges
    .filter((edge) => known.has(edge.source) && known.has(edge.target) && edge.source !== edge.target)
    .sort((a, b) => compare(a.source, b.source) || compare(a.target, b.target))
  const kept: Positions = {}
  for (const { id } of sorted) if (placed[id]) kept[id] = placed[id]
  if (Object.keys(kept).length === 0) return layoutBoxes(sorted, links)
  return placeMissing(sorted, links, kept)
}

/** Place each node without a position in the best free cell; nothing that stands is moved. */
function placeMissing(nodes: LayoutNode[], edges: LayoutEdge[], kept: Positions): Positions {
  const positions = { ...kept }
  for (const node of nodes) {
    if (!positions[node.id]) positions[node.id] = freeCell(node, nodes, edges, positions)
  }
  return positions
}

function freeCell(node: LayoutNode, nodes: LayoutNode[], edges: LayoutEdge[], positions: Positions): Point {
  const standing = nodes.filter((other) => positions[other.id])
  const bounds = boundsOf(standing, positions)
  const wish = wishedPoint(node, edges, positions, bounds)
  let best = wish
  let bestCost = Number.POSITIVE_INFINITY
  for (let row = 0; row < 40; row += 1) {
    for (const column of [0, 1, -1, 2, -2]) {
      for (const sign of row === 0 ? [1] : [1, -1]) {
        const cell = { x: wish.x + column * COLUMN, y: wish.y + sign * row * ROW }
        const price =
          Math.hypot(column * COLUMN * 1.5, row * ROW) + cellPenalty(cell, node, standing, positions, bounds)
        if (price < bestCost) {
          best = cell
          bestCost = price
        }
      }
    }
  }
  return best
}

function wishedPoint(
  node: LayoutNode,
  edges: LayoutEdge[],
  positions: Positions,
  bounds: Map<string, Box>,
): Point {
  const callers = edges.flatMap((edge) => (edge.target === node.id ? (positions[edge.source] ?? []) : []))
  const callees = edges.flatMap((edge) => (edge.source === node.id ? (positions[edge.target] ?? []) : []))
  const near = [...callers, ...callees]
  const box = bounds.get(boxOf(node))
  const lowest = Math.max(0, ...[...bounds.values()].map((other) => other.bottom))
  const y = box ? (box.top + box.bottom) / 2 : lowest + STACK_GAP
  if (near.length === 0) return { x: box?.left ?? 0, y }
  const x = callers.length
    ? Math.max(...callers.map((point) => point.x)) + COLUMN
    : Math.min(...callees.map((point) => point.x)) - COLUMN
  return { x, y: box ? near.reduce((sum, point) => sum + point.y, 0) / near.length : y }
}

function cellPenalty(
  cell: Point,
  node: LayoutNode,
  standing: LayoutNode[],
  positions: Positions,
  bounds: Map<string, Box>,
): number {
  const crowded = standing.some((other) => {
    const there = positions[other.id] as Point
    return Math.abs(there.x - cell.x) < COLUMN * 0.6 && Math.abs(there.y - cell.y) < ROW * 0.9
  })
  if (crowded) return 1e6
  const own = bounds.get(boxOf(node)) ?? { left: cell.x, right: cell.x, top: cell.y, bottom: cell.y }
  const grown = {
    left: Math.min(own.left, cell.x) - COLUMN * 0.45,
    right: Math.max(own.right, cell.x) + COLUMN * 0.45,
    top: Math.min(own.top, cell.y) - ROW * 0.9,
    bottom: Math.max(own.bottom, cell.y) + ROW * 0.9,
  }
  const intrudes = [...bounds].some(
    ([key, box]) =>
      key !== boxOf(node) &&
      box.left < grown.right &&
      grown.left < box.right &&
      box.top < grown.bottom &&
      grown.top < box.bottom,
  )
  return intrudes ? 5000 : 0
}
