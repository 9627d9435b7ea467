/** Makes a layout calmer by local search: what is bad about it has a price, and moves that lower it are kept. */
import {
  type Box,
  boundsOf,
  boxOf,
  COLUMN,
  type LayoutEdge,
  type LayoutNode,
  type Point,
  type Positions,
  ROW,
  STACK_GAP,
} from './layoutTypes'

const PASSES = 12
/** How near a straight edge may pass a node before it counts as touching it. */
const CLEARANCE = 52
const CROSSING = 2

/** Shift and swap nodes within their column while that makes edges shorter, clearer and less crossed. */
export function refine(nodes: LayoutNode[], edges: LayoutEdge[], positions: Positions): void {
  for (let pass = 0; pass < PASSES; pass += 1) {
    let improved = slideBoxes(nodes, edges, positions)
    const bounds = boundsOf(nodes, positions)
    for (const node of nodes) {
      const here = positions[node.id] as Point
      const peers = nodes.filter(
        (peer) =>
          peer.id !== node.id && boxOf(peer) === boxOf(node) && (positions[peer.id] as Point).x === here.x,
      )
      const box = bounds.get(boxOf(node))
      if (box && improveNode(node.id, peers, box, nodes, edges, positions)) improved = true
    }
    if (!improved) return
  }
}

/** Move whole boxes up and down where that helps and no other is in the way. */
function slideBoxes(nodes: LayoutNode[], edges: LayoutEdge[], positions: Positions): boolean {
  const frame = frameOf(positions)
  let improved = false
  for (const key of new Set(nodes.map(boxOf))) {
    const ids = nodes.filter((node) => boxOf(node) === key).map((node) => node.id)
    for (const shift of [-1, -0.5, 0.5, 1]) {
      const before = cost(ids, nodes, edges, positions)
      slide(ids, shift * ROW, positions)
      const fits = hasRoom(key, boundsOf(nodes, positions), frame)
      if (fits && cost(ids, nodes, edges, positions) < before - 0.001) improved = true
      else slide(ids, -shift * ROW, positions)
    }
  }
  return improved
}

function slide(ids: string[], by: number, positions: Positions): void {
  for (const id of ids) {
    const { x, y } = positions[id] as Point
    positions[id] = { x, y: y + by }
  }
}

function frameOf(positions: Positions): { top: number; bottom: number } {
  const heights = Object.values(positions).map(({ y }) => y)
  return { top: Math.min(...heights), bottom: Math.max(...heights) }
}

function hasRoom(key: string, bounds: Map<string, Box>, frame: { top: number; bottom: number }): boolean {
  const box = bounds.get(key)
  if (!box || box.top < frame.top || box.bottom > frame.bottom) return false
  return [...bounds].every(
    ([other, { left, right, top, bottom }]) =>
      other === key ||
      right <= box.left - COLUMN ||
      left >= box.right + COLUMN ||
      bottom <= box.top - STACK_GAP ||
      top >= box.bottom + STACK_GAP,
  )
}

function improveNode(
  id: string,
  peers: LayoutNode[],
  box: Box,
  nodes: LayoutNode[],
  edges: LayoutEdge[],
  positions: Positions,
): boolean {
  const start = positions[id] as Point
  let best = cost([id], nodes, edges, positions)
  let improved = false
  for (const shift of [-1, -0.5, 0.5, 1]) {
    const old = positions[id] as Point
    const y = start.y + shift * ROW
    if (y < box.top || y > box.bottom) continue
    positions[id] = { x: start.x, y }
    const next = cost([id], nodes, edges, positions)
    if (next < best - 0.001) {
      best = next
      improved = true
    } else positions[id] = old
  }
  for (const peer of peers) {
    const before = cost([id, peer.id], nodes, edges, positions)
    swap(positions, id, peer.id)
    if (cost([id, peer.id], nodes, edges, positions) < before - 0.001) improved = true
    else swap(positions, id, peer.id)
  }
  return improved
}

function swap(positions: Positions, a: string, b: string): void {
  const held = positions[a] as Point
  positions[a] = positions[b] as Point
  positions[b] = held
}

/** What is bad about where the moved nodes stand: crowding, edges over nodes, crossings, slope. */
function cost(moved: string[], nodes: LayoutNode[], edges: LayoutEdge[], positions: Positions): number {
  const touched = new Set(moved)
  let sum = 0
  for (const id of moved) {
    const here = positions[id] as Point
    for (const node of nodes) {
      const there = positions[node.id] as Point
      if (node.id !== id && here.x === there.x && Math.abs(here.y - there.y) < ROW * 0.95) sum += 60
    }
  }
  for (const edge of edges) {
    const incident = touched.has(edge.source) || touched.has(edge.target)
    const a = positions[edge.source] as Point
    const b = positions[edge.target] as Point
    if (incident) sum += slope(a, b)
    for (const node of incident ? nodes : moved.map((id) => ({ id }))) {
      if (node.id === edge.source || node.id === edge.target) continue
      sum += nearness(positions[node.id] as Point, a, b)
    }
    if (!incident) continue
    for (const other of edges) {
      if (crosses(a, b, positions[other.source] as Point, positions[other.target] as Point)) sum += CROSSING
    }
  }
  return sum
}

function slope(a: Point, b: Point): number {
  return (Math.abs(a.y - b.y) / ROW) * 0.6
}

/** An edge that runs over a node, or close by. */
function nearness(node: Point, a: Point, b: Point): number {
  const distance = toSegment(node, a, b)
  return distance < CLEARANCE ? 12 * (1.2 - distance / CLEARANCE) : 0
}

export function toSegment(point: Point, a: Point, b: Point): number {
  const length = (b.x - a.x) ** 2 + (b.y - a.y) ** 2
  const along = length === 0 ? 0 : ((point.x - a.x) * (b.x - a.x) + (point.y - a.y) * (b.y - a.y)) / length
  const t = Math.max(0, Math.min(1, along))
  return Math.hypot(point.x - a.x - t * (b.x - a.x), point.y - a.y - t * (b.y - a.y))
}

function crosses(a: Point, b: Point, c: Point, d: Point): boolean {
  const side = (p: Point, q: Point, r: Point) =>
    Math.sign((q.x - p.x) * (r.y - p.y) - (q.y - p.y) * (r.x - p.x))
  return side(a, b, c) * side(a, b, d) < 0 && side(c, d, a) * side(c, d, b) < 0
}

/** The price of a whole layout, to compare two of the same graph. */
export function totalCost(nodes: LayoutNode[], edges: LayoutEdge[], positions: Positions): number {
  let sum = 0
  edges.forEach((edge, index) => {
    const a = positions[edge.source] as Point
    const b = positions[edge.target] as Point
    sum += slope(a, b)
    for (const node of nodes) {
      if (node.id !== edge.source && node.id !== edge.target)
        sum += nearness(positions[node.id] as Point, a, b)
    }
    for (const other of edges.slice(index + 1)) {
      if (crosses(a, b, positions[other.source] as Point, positions[other.target] as Point)) sum += CROSSING
    }
  })
  return sum
}
