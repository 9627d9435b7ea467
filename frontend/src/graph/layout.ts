/**
 * Where nodes stand: callers left of callees, one box per namespace, boxes stacked where they would meet.
 *
 * Pure and deterministic: the same graph gives the same positions in whatever order it arrives. A node that
 * has a position keeps it; only nodes without one are placed, in free cells near the nodes they talk to.
 */

export type Point = { x: number; y: number }
export type Positions = Record<string, Point>
export type LayoutNode = { id: string; namespace: string }
export type LayoutEdge = { source: string; target: string }

export const COLUMN = 208
export const ROW = 112
const BOX_GAP = 192
/** How near a straight edge may pass a node before it counts as touching it. */
const CLEARANCE = 52
/** Above this many nodes the search for a better order would take too long. */
const REFINE_LIMIT = 200

type Box = { left: number; right: number; top: number; bottom: number }

export function layout(nodes: LayoutNode[], edges: LayoutEdge[], placed: Positions): Positions {
  const sorted = [...nodes].sort((a, b) => compare(a.id, b.id))
  const known = new Set(sorted.map((node) => node.id))
  const links = edges
    .filter((edge) => known.has(edge.source) && known.has(edge.target) && edge.source !== edge.target)
    .sort((a, b) => compare(a.source, b.source) || compare(a.target, b.target))
  const kept: Positions = {}
  for (const { id } of sorted) if (placed[id]) kept[id] = placed[id]
  if (Object.keys(kept).length === 0) return layoutAfresh(sorted, links)
  return placeMissing(sorted, links, kept)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function layoutAfresh(nodes: LayoutNode[], edges: LayoutEdge[]): Positions {
  const ranks = rank(nodes, edges)
  const lanes = orderLanes(nodes, ranks)
  const positions: Positions = {}
  const taken: Box[] = []
  for (const lane of lanes) stackLane(lane, ranks, positions, edges, taken)
  if (nodes.length <= REFINE_LIMIT) refine(nodes, edges, ranks, positions)
  return positions
}

/** Longest path from the sources, ignoring the edges that close a cycle. */
export function rank(nodes: LayoutNode[], edges: LayoutEdge[]): Map<string, number> {
  const targets = new Map<string, string[]>(nodes.map((node) => [node.id, []]))
  const incoming = new Map<string, number>(nodes.map((node) => [node.id, 0]))
  for (const { source, target } of edges) {
    targets.get(source)?.push(target)
    incoming.set(target, (incoming.get(target) ?? 0) + 1)
  }
  const order: string[] = []
  const state = new Map<string, 'open' | 'done'>()
  const forward = new Map<string, string[]>()
  const visit = (id: string): void => {
    state.set(id, 'open')
    const onward = (targets.get(id) ?? []).filter((next) => state.get(next) !== 'open')
    forward.set(id, onward)
    for (const next of onward) if (!state.has(next)) visit(next)
    state.set(id, 'done')
    order.push(id)
  }
  const roots = nodes.filter((node) => incoming.get(node.id) === 0)
  for (const { id } of [...roots, ...nodes]) if (!state.has(id)) visit(id)

  const ranks = new Map<string, number>(nodes.map((node) => [node.id, 0]))
  for (const id of order.reverse()) {
    for (const next of forward.get(id) ?? []) {
      ranks.set(next, Math.max(ranks.get(next) ?? 0, (ranks.get(id) ?? 0) + 1))
    }
  }
  return ranks
}

type Lane = { namespace: string; nodes: LayoutNode[] }

/** Lanes from top to bottom: most nodes first, as the busiest box reads best on top. */
function orderLanes(nodes: LayoutNode[], ranks: Map<string, number>): Lane[] {
  const byName = new Map<string, LayoutNode[]>()
  for (const node of nodes) byName.set(node.namespace, [...(byName.get(node.namespace) ?? []), node])
  const lanes = [...byName].map(([namespace, members]) => ({ namespace, nodes: members }))
  const start = (lane: Lane) => Math.min(...lane.nodes.map((node) => ranks.get(node.id) ?? 0))
  return lanes.sort(
    (a, b) => b.nodes.length - a.nodes.length || start(a) - start(b) || compare(a.namespace, b.namespace),
  )
}

/** Give a lane its columns, then the highest place where it touches no other lane. */
function stackLane(
  lane: Lane,
  ranks: Map<string, number>,
  positions: Positions,
  edges: LayoutEdge[],
  taken: Box[],
): void {
  const columns = new Map<number, string[]>()
  for (const { id } of lane.nodes) {
    const column = ranks.get(id) ?? 0
    columns.set(column, [...(columns.get(column) ?? []), id])
  }
  const height = Math.max(...[...columns.values()].map((ids) => ids.length))
  const first = Math.min(...columns.keys())
  const last = Math.max(...columns.keys())
  const box = { left: first * COLUMN, right: last * COLUMN, top: 0, bottom: (height - 1) * ROW }
  const top = freeTop(box, taken)
  taken.push({ ...box, top, bottom: top + box.bottom })
  for (const column of [...columns.keys()].sort((a, b) => a - b)) {
    const ids = byBarycenter(columns.get(column) ?? [], edges, positions)
    const offset = top + ((height - ids.length) * ROW) / 2
    ids.forEach((id, row) => {
      positions[id] = { x: column * COLUMN, y: offset + row * ROW }
    })
  }
}

function freeTop(box: Box, taken: Box[]): number {
  let top = 0
  const meets = (other: Box) =>
    other.left - COLUMN < box.right &&
    box.left < other.right + COLUMN &&
    other.top - ROW - BOX_GAP < top + box.bottom &&
    top < other.bottom + ROW + BOX_GAP
  for (let other = taken.find(meets); other; other = taken.find(meets)) top = other.bottom + ROW + BOX_GAP
  return top
}

/** Order the nodes of a column by the mean height of the callers already placed. */
function byBarycenter(ids: string[], edges: LayoutEdge[], positions: Positions): string[] {
  const weight = (id: string) => {
    const heights = edges.flatMap((edge) => (edge.target === id ? (positions[edge.source]?.y ?? []) : []))
    return heights.length ? heights.reduce((sum, y) => sum + y, 0) / heights.length : 0
  }
  const weights = new Map(ids.map((id) => [id, weight(id)]))
  return [...ids].sort((a, b) => (weights.get(a) ?? 0) - (weights.get(b) ?? 0) || compare(a, b))
}

/** Shift and swap nodes within their column while that makes edges shorter, clearer and less crossed. */
function refine(
  nodes: LayoutNode[],
  edges: LayoutEdge[],
  ranks: Map<string, number>,
  positions: Positions,
): void {
  const namespaceOf = new Map(nodes.map((node) => [node.id, node.namespace]))
  const bounds = laneBounds(nodes, positions)
  for (let pass = 0; pass < 12; pass += 1) {
    let improved = false
    for (const { id, namespace } of nodes) {
      const lane = bounds.get(namespace)
      const peers = nodes.filter(
        (peer) =>
          peer.id !== id && namespaceOf.get(peer.id) === namespace && ranks.get(peer.id) === ranks.get(id),
      )
      if (lane && improveNode(id, peers, lane, nodes, edges, positions)) improved = true
    }
    if (!improved) return
  }
}

function improveNode(
  id: string,
  peers: LayoutNode[],
  lane: Box,
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
    if (y < lane.top - ROW / 2 || y > lane.bottom + ROW / 2) continue
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

function laneBounds(nodes: LayoutNode[], positions: Positions): Map<string, Box> {
  const bounds = new Map<string, Box>()
  for (const { id, namespace } of nodes) {
    const { x, y } = positions[id] as Point
    const box = bounds.get(namespace)
    if (!box) bounds.set(namespace, { left: x, right: x, top: y, bottom: y })
    else {
      box.left = Math.min(box.left, x)
      box.right = Math.max(box.right, x)
      box.top = Math.min(box.top, y)
      box.bottom = Math.max(box.bottom, y)
    }
  }
  return bounds
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
    if (incident) sum += (Math.abs(a.y - b.y) / ROW) * 0.6
    for (const node of incident ? nodes : moved.map((id) => ({ id }))) {
      if (node.id === edge.source || node.id === edge.target) continue
      const distance = toSegment(positions[node.id] as Point, a, b)
      if (distance < CLEARANCE) sum += 12 * (1.2 - distance / CLEARANCE)
    }
    if (!incident) continue
    for (const other of edges) {
      if (crosses(a, b, positions[other.source] as Point, positions[other.target] as Point)) sum += 2
    }
  }
  return sum
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
  const bounds = laneBounds(standing, positions)
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
  const box = bounds.get(node.namespace)
  const lowest = Math.max(0, ...[...bounds.values()].map((other) => other.bottom))
  const y = box ? (box.top + box.bottom) / 2 : lowest + ROW + BOX_GAP
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
  const own = bounds.get(node.namespace) ?? { left: cell.x, right: cell.x, top: cell.y, bottom: cell.y }
  const grown = {
    left: Math.min(own.left, cell.x) - COLUMN * 0.45,
    right: Math.max(own.right, cell.x) + COLUMN * 0.45,
    top: Math.min(own.top, cell.y) - ROW * 0.9,
    bottom: Math.max(own.bottom, cell.y) + ROW * 0.9,
  }
  const intrudes = [...bounds].some(
    ([namespace, box]) =>
      namespace !== node.namespace &&
      box.left < grown.right &&
      grown.left < box.right &&
      box.top < grown.bottom &&
      grown.top < box.bottom,
  )
  return intrudes ? 5000 : 0
}
