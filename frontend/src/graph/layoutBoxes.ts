/**
 * A fresh layout in two levels: boxes in bands from left to right by who calls whom, and inside each box
 * its nodes in columns by depth. Both are packed, so that little of the picture is empty.
 */
import { refine, totalCost } from './layoutRefine'
import {
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

/** Between the nodes of neighbouring boxes: room for both borders, a name or title, and air. */
const BAND_GAP = COLUMN * 1.15
/** A longer column is broken in two. */
const MAX_ROWS = 6
const ASPECT = 1.6
const SCREEN = { width: 1300, height: 780 }
/** Names can be read at this size. */
const READABLE = 0.56
const SWEEPS = 8
/** Above this many nodes the search for a better order would take too long. */
const REFINE_LIMIT = 200

/** A box, or a single node outside of every box (`loose`). */
type Block = { key: string; loose: boolean; columns: string[][]; rank: number }

export function layoutBoxes(nodes: LayoutNode[], edges: LayoutEdge[]): Positions {
  const blocks = makeBlocks(nodes, edges)
  const bands = foldBands(makeBands(blocks), edges)
  const neighbours = neighboursOf(nodes, edges)
  let positions = place(bands)
  if (nodes.length > REFINE_LIMIT) {
    order(bands, neighbours, positions)
    return place(bands)
  }
  let best = { positions, cost: Number.POSITIVE_INFINITY }
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    positions = place(bands)
    const attempt = structuredClone(positions)
    refine(nodes, edges, attempt)
    const cost = totalCost(nodes, edges, attempt)
    if (cost < best.cost - 0.001) best = { positions: attempt, cost }
    order(bands, neighbours, positions)
  }
  return best.positions
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

function makeBlocks(nodes: LayoutNode[], edges: LayoutEdge[]): Block[] {
  const members = new Map<string, LayoutNode[]>()
  for (const node of nodes) members.set(boxOf(node), [...(members.get(boxOf(node)) ?? []), node])
  const ranks = rankBoxes(nodes, edges)
  return [...members].map(([key, inside]) => ({
    key,
    loose: inside.every((node) => !node.namespace),
    columns: columnsOf(inside, edges),
    rank: ranks.get(key) ?? 0,
  }))
}

/** Boxes by who calls whom: where two call each other, the direction with more edges counts. */
function rankBoxes(nodes: LayoutNode[], edges: LayoutEdge[]): Map<string, number> {
  const homes = new Map(nodes.map((node) => [node.id, boxOf(node)]))
  const depths = rank(nodes, edges)
  const counts = new Map<string, number>()
  for (const { source, target } of edges) {
    const pair = `${homes.get(source)} ${homes.get(target)}`
    counts.set(pair, (counts.get(pair) ?? 0) + 1)
  }
  const start = (key: string) =>
    Math.min(...nodes.filter((node) => boxOf(node) === key).map(({ id }) => depths.get(id) ?? 0))
  const keys = [...new Set(homes.values())]
  const starts = new Map(keys.map((key) => [key, start(key)]))
  const earlier = (a: string, b: string) => (starts.get(a) ?? 0) - (starts.get(b) ?? 0) || compare(a, b)
  const calls = [...counts].flatMap(([pair, count]) => {
    const [source = '', target = ''] = pair.split(' ')
    const back = counts.get(`${target} ${source}`) ?? 0
    const leads = count > back || (count === back && earlier(source, target) < 0)
    return source !== target && leads ? [{ source, target }] : []
  })
  const boxes = keys.sort(earlier).map((id) => ({ id, namespace: '' }))
  return rank(boxes, calls)
}

/** The nodes of one box in columns by their depth among themselves. */
function columnsOf(inside: LayoutNode[], edges: LayoutEdge[]): string[][] {
  const own = new Set(inside.map((node) => node.id))
  const depths = rank(
    inside,
    edges.filter((edge) => own.has(edge.source) && own.has(edge.target)),
  )
  const columns: string[][] = []
  for (const { id } of inside) {
    const depth = depths.get(id) ?? 0
    while (columns.length <= depth) columns.push([])
    columns[depth]?.push(id)
  }
  const rows = Math.max(MAX_ROWS, Math.ceil(Math.sqrt(inside.length) * ASPECT))
  return columns.flatMap((column) =>
    chunks(column, Math.ceil(column.length / Math.ceil(column.length / rows))),
  )
}

function chunks<T>(items: T[], size: number): T[][] {
  const count = Math.ceil(items.length / size)
  return Array.from({ length: count }, (_, index) => items.slice(index * size, (index + 1) * size))
}

/** Boxes of one rank stand in one band, or in several where a single one would be far too tall. */
function makeBands(blocks: Block[]): Block[][] {
  const area = blocks.reduce(
    (sum, block) => sum + (widthOf(block) + BAND_GAP) * (heightOf(block) + STACK_GAP),
    0,
  )
  const limit = Math.max(Math.sqrt(area / ASPECT), ...blocks.map((block) => heightOf(block) + STACK_GAP))
  const bands: Block[][] = []
  for (const wanted of [...new Set(blocks.map((block) => block.rank))].sort((a, b) => a - b)) {
    let filled = Number.POSITIVE_INFINITY
    for (const block of blocks.filter(({ rank: own }) => own === wanted)) {
      const room = heightOf(block) + STACK_GAP
      if (filled + room > limit) {
        bands.push([])
        filled = 0
      }
      bands.at(-1)?.push(block)
      filled += room
    }
  }
  return bands
}

/** While the whole would be drawn too small, put on top of each other the neighbours that call each other least. */
function foldBands(bands: Block[][], edges: LayoutEdge[]): Block[][] {
  if (zoomOf(bands) >= READABLE) return bands
  const folds = bands.slice(1).flatMap((band, index) => {
    const before = bands[index] ?? []
    if (before.some(({ loose }) => loose) !== band.some(({ loose }) => loose)) return []
    const folded = [...bands.slice(0, index), [...before, ...band], ...bands.slice(index + 2)]
    return zoomOf(folded) > zoomOf(bands) ? [{ folded, calls: callsBetween(before, band, edges) }] : []
  })
  const [best] = folds.sort((a, b) => a.calls - b.calls || zoomOf(b.folded) - zoomOf(a.folded))
  return best ? foldBands(best.folded, edges) : bands
}

function callsBetween(one: Block[], other: Block[], edges: LayoutEdge[]): number {
  const first = new Set(one.flatMap(({ columns }) => columns.flat()))
  const second = new Set(other.flatMap(({ columns }) => columns.flat()))
  return edges.filter(
    ({ source, target }) =>
      (first.has(source) && second.has(target)) || (first.has(target) && second.has(source)),
  ).length
}

/** How large the whole can be drawn on a usual screen. */
function zoomOf(bands: Block[][]): number {
  const { width, height } = SCREEN
  const wide = bands.reduce((sum, band) => sum + bandWidth(band) + BAND_GAP, 0)
  const high = Math.max(...bands.map(bandHeight)) + STACK_GAP
  return Math.min(width / wide, height / high)
}

/** Every other box of a stack stands half a column aside, so that edges between them pass their nodes. */
function indent(index: number): number {
  return index % 2 ? COLUMN / 2 : 0
}

function bandWidth(band: Block[]): number {
  return Math.max(...band.map((block, index) => widthOf(block) + indent(index)))
}

function bandHeight(band: Block[]): number {
  return band.reduce((sum, block) => sum + heightOf(block) + STACK_GAP, -STACK_GAP)
}

function widthOf({ columns }: Block): number {
  return (columns.length - 1) * COLUMN
}

function heightOf({ columns }: Block): number {
  return (Math.max(...columns.map((ids) => ids.length)) - 1) * ROW
}

/** Bands side by side, boxes of a band one below the other, everything centred on one line. */
function place(bands: Block[][]): Positions {
  const positions: Positions = {}
  let left = 0
  for (const band of bands) {
    let top = -bandHeight(band) / 2
    for (const [index, block] of band.entries()) {
      placeBlock(block, left + indent(index), top, positions)
      top += heightOf(block) + STACK_GAP
    }
    left += bandWidth(band) + BAND_GAP
  }
  return positions
}

function placeBlock(block: Block, left: number, top: number, positions: Positions): void {
  const height = heightOf(block)
  block.columns.forEach((ids, column) => {
    const first = top + (height - (ids.length - 1) * ROW) / 2
    ids.forEach((id, row) => {
      positions[id] = { x: left + column * COLUMN, y: first + row * ROW }
    })
  })
}

function neighboursOf(nodes: LayoutNode[], edges: LayoutEdge[]): Map<string, string[]> {
  const neighbours = new Map<string, string[]>(nodes.map((node) => [node.id, []]))
  for (const { source, target } of edges) {
    neighbours.get(source)?.push(target)
    neighbours.get(target)?.push(source)
  }
  return neighbours
}

/** Put boxes within their band, and nodes within their column, in the order of what they talk to. */
function order(bands: Block[][], neighbours: Map<string, string[]>, positions: Positions): void {
  const height = (id: string) => {
    const ys = (neighbours.get(id) ?? []).map((other) => (positions[other] as Point).y)
    return ys.length ? ys.reduce((sum, y) => sum + y, 0) / ys.length : (positions[id] as Point).y
  }
  for (const band of bands) {
    for (const block of band) block.columns = block.columns.map((ids) => byWeight(ids, height, (id) => id))
    const mean = ({ columns }: Block) => {
      const ids = columns.flat()
      return ids.reduce((sum, id) => sum + height(id), 0) / ids.length
    }
    band.splice(0, band.length, ...byWeight(band, mean, (block) => block.key))
  }
}

function byWeight<T>(items: T[], weight: (item: T) => number, name: (item: T) => string): T[] {
  const weights = new Map(items.map((item) => [item, weight(item)]))
  return [...items].sort((a, b) => (weights.get(a) ?? 0) - (weights.get(b) ?? 0) || compare(name(a), name(b)))
}
