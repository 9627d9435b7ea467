/** The graph as a drawing: vectors and texts only, with nothing to load. Pure. */
import { placeLabels } from '@/graph/edgeLabels'
import type { Point, Positions } from '@/graph/layoutTypes'
import type { BoxView, EdgeView, GraphView, Mark, NodeView } from '@/graph/model'
import { boxShapes, nodeShapes } from '@/graph/nodeImages'
import { type EdgePath, edgePath, pathLength, pointOn } from '@/graph/paths'
import type { Palette } from '@/graph/renderer'

export type Drawing = { svg: string; width: number; height: number }
type Area = { left: number; right: number; top: number; bottom: number }

const MARGIN = 24
const CAPTION = 28
const NODE_HALF = 22
const NAME_LINE = 14.4
/** A box stands off its outermost nodes by this. */
const BOX_PADDING = 52
const BOX_TITLE = 20
const LOCK_AT = 30
const FAINT = 0.22

/** `caption` says of what and of when it is. Nodes without a position are left out. */
export function toSvg(view: GraphView, positions: Positions, palette: Palette, caption: string): Drawing {
  const nodes = view.nodes.filter((node) => positions[node.id])
  const boxes = view.boxes.flatMap((box) => {
    const area = boxArea(box, nodes, positions)
    return area ? [{ box, area }] : []
  })
  const paths = pathsOf(view.edges, positions)
  const places = placeLabels(
    view.edges,
    paths,
    nodes.map((node) => ({ view: node, at: positions[node.id] as Point })),
  )
  const whole = around([
    ...boxes.map(({ area }) => area),
    ...nodes.map((node) => nodeArea(node, positions[node.id] as Point)),
  ])
  const width = Math.ceil(whole.right - whole.left)
  const height = Math.ceil(whole.bottom - whole.top + CAPTION)
  const edges = view.edges.flatMap((edge) => {
    const path = paths.get(edge.id)
    return path ? [edgeShapes(edge, path, places.get(edge.id) ?? 0.5, palette)] : []
  })
  const parts = [
    `<rect x="${whole.left}" y="${whole.top}" width="${width}" height="${height}" fill="${palette.background}"/>`,
    ...boxes.map(({ box, area }) => boxShape(box, area, palette)),
    ...edges.map(({ line }) => line),
    ...nodes.map((node) => nodeShape(node, positions[node.id] as Point, palette)),
    ...edges.map(({ label }) => label),
    text(whole.left + MARGIN, whole.bottom + CAPTION / 2, caption, {
      fill: palette.muted,
      size: 11,
      anchor: 'start',
    }),
  ]
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="${whole.left} ${whole.top} ${width} ${height}" font-family="system-ui, sans-serif"><title>${escaped(caption)}</title>${parts.join('')}</svg>`
  return { svg, width, height }
}

function pathsOf(edges: EdgeView[], positions: Positions): Map<string, EdgePath> {
  const paths = new Map<string, EdgePath>()
  for (const { id, source, target, bent } of edges) {
    const [from, to] = [positions[source], positions[target]]
    const path = from && to ? edgePath(from, to, bent) : null
    if (path) paths.set(id, path)
  }
  return paths
}

function around(areas: Area[]): Area {
  if (areas.length === 0) return { left: 0, right: 320, top: 0, bottom: 80 }
  return {
    left: Math.floor(Math.min(...areas.map((area) => area.left)) - MARGIN),
    right: Math.ceil(Math.max(...areas.map((area) => area.right)) + MARGIN),
    top: Math.floor(Math.min(...areas.map((area) => area.top)) - MARGIN),
    bottom: Math.ceil(Math.max(...areas.map((area) => area.bottom)) + MARGIN),
  }
}

function nodeArea({ label }: NodeView, { x, y }: Point): Area {
  const lines = label.split('\n')
  const half = Math.max(33, Math.max(...lines.map((line) => line.length)) * 3.5)
  return {
    left: x - half,
    right: x + half,
    top: y - 33,
    bottom: y + NODE_HALF + 10 + NAME_LINE * lines.length,
  }
}

function boxArea(box: BoxView, nodes: NodeView[], positions: Positions): Area | null {
  const inside = nodes.filter((node) => node.box === box.id).map((node) => positions[node.id] as Point)
  if (inside.length === 0) return null
  const xs = inside.map(({ x }) => x)
  const ys = inside.map(({ y }) => y)
  return {
    left: Math.min(...xs) - BOX_PADDING,
    right: Math.max(...xs) + BOX_PADDING,
    top: Math.min(...ys) - BOX_PADDING - BOX_TITLE,
    bottom: Math.max(...ys) + BOX_PADDING + NAME_LINE,
  }
}

const inTrouble = (health: string) => health === 'degraded' || health === 'failing'

function boxShape({ label, health }: BoxView, area: Area, palette: Palette): string {
  const color = health === 'degraded' ? palette.degraded : health === 'failing' ? palette.failing : ''
  const middle = (area.left + area.right) / 2
  const mark = boxShapes(health, palette)
  return [
    `<rect x="${area.left}" y="${area.top}" width="${area.right - area.left}" height="${area.bottom - area.top}" rx="8" fill="${palette.panel}" stroke="${color || palette.line}"/>`,
    text(middle, area.top + 16, label, { fill: color || palette.muted, size: 12, weight: 600 }),
    mark &&
      `<g transform="translate(${area.left + 8} ${area.top + 8}) scale(.73) translate(-37 -4)">${mark}</g>`,
  ].join('')
}

function nodeShape(node: NodeView, { x, y }: Point, palette: Palette): string {
  const names = node.label.split('\n').map((line, index) =>
    text(x, y + NODE_HALF + 18 + NAME_LINE * index, line, {
      fill: palette.text,
      size: 12,
      halo: palette.panel,
      weight: node.kind === 'namespace' ? 600 : 400,
    }),
  )
  const halo =
    node.mark === 'found'
      ? `<rect x="${x - 31}" y="${y - 31}" width="62" height="62" rx="14" fill="${palette.accent}" opacity=".22"/>`
      : ''
  const picture = `<g transform="translate(${x - 30} ${y - 33})">${nodeShapes(node, palette)}</g>`
  return `<g${dimmed(node.mark)}>${halo}${picture}${names.join('')}</g>`
}

const dimmed = (mark: Mark) => (mark === 'faint' ? ` opacity="${FAINT}"` : '')

function edgeShapes(edge: EdgeView, path: EdgePath, at: number, palette: Palette) {
  const color =
    edge.health === 'failing' ? palette.failing : edge.health === 'degraded' ? palette.degraded : palette.edge
  const opacity = inTrouble(edge.health) || edge.health === 'healthy' ? 0.85 : 0.5
  const body = path.bend ? curve(edge, path, path.bend, color, palette) : taper(edge, path, color)
  const halo = edge.mark === 'found' ? outline(path, edge.width + 8, palette.accent) : ''
  const lock = edge.secured
    ? lockShape(pointOn(path, Math.min(0.5, LOCK_AT / pathLength(path))), palette)
    : ''
  const { x, y } = pointOn(path, at)
  const label =
    edge.label && text(x, y + 4, edge.label, { fill: palette.text, size: 11, halo: palette.panel })
  return {
    line: `<g${dimmed(edge.mark)}>${halo}<g opacity="${opacity}">${body}</g>${lock}</g>`,
    label: label && `<g${dimmed(edge.mark)}>${label}</g>`,
  }
}

const at = ({ x, y }: Point) => `${round(x)} ${round(y)}`
const round = (value: number) => Math.round(value * 10) / 10

function outline({ from, bend, to }: EdgePath, width: number, color: string): string {
  const way = bend ? `Q${at(bend)} ${at(to)}` : `L${at(to)}`
  return `<path d="M${at(from)}${way}" fill="none" stroke="${color}" stroke-width="${width}" opacity=".22"/>`
}

/** As wide as its rate at the caller, a fine line at the callee. */
function taper(edge: EdgeView, { from, to }: EdgePath, color: string): string {
  const length = Math.hypot(to.x - from.x, to.y - from.y)
  const side = {
    x: ((to.y - from.y) / length) * (edge.width / 2),
    y: ((to.x - from.x) / length) * (edge.width / 2),
  }
  const left = { x: from.x - side.x, y: from.y + side.y }
  const right = { x: from.x + side.x, y: from.y - side.y }
  return `<path d="M${at(left)}L${at(to)}L${at(right)}z" fill="${color}"/><path d="M${at(from)}L${at(to)}" stroke="${color}" stroke-width="1.25"/>`
}

function curve(
  edge: EdgeView,
  { from, to }: EdgePath,
  bend: Point,
  color: string,
  { edge: idle }: Palette,
): string {
  const length = Math.hypot(to.x - bend.x, to.y - bend.y)
  const back = { x: (bend.x - to.x) / length, y: (bend.y - to.y) / length }
  const tip = (turn: number) =>
    at({ x: to.x + back.x * 9 + turn * back.y * 4.5, y: to.y + back.y * 9 - turn * back.x * 4.5 })
  return `<path d="M${at(from)}Q${at(bend)} ${at(to)}" fill="none" stroke="${color || idle}" stroke-width="${round(edge.width)}"/><path d="M${at(to)}L${tip(1)}L${tip(-1)}z" fill="${color}"/>`
}

function lockShape({ x, y }: Point, palette: Palette): string {
  return `<g transform="translate(${round(x)} ${round(y)})"><circle r="7.5" fill="${palette.background}"/><rect x="-3.4" y="-1" width="6.8" height="5" fill="${palette.muted}"/><path d="M-2.2-1a2.2 2.2 0 0 1 4.4 0" fill="none" stroke="${palette.muted}" stroke-width="1.2"/></g>`
}

type Type = { fill: string; size: number; weight?: number; halo?: string; anchor?: 'start' | 'middle' }

function text(
  x: number,
  y: number,
  content: string,
  { fill, size, weight = 400, halo, anchor = 'middle' }: Type,
): string {
  const outlined = halo
    ? ` paint-order="stroke" stroke="${halo}" stroke-width="3" stroke-linejoin="round"`
    : ''
  return `<text x="${round(x)}" y="${round(y)}" fill="${fill}" font-size="${size}" font-weight="${weight}" text-anchor="${anchor}"${outlined}>${escaped(content)}</text>`
}

const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
}

export function escaped(content: string): string {
  return content.replace(/[&<>"']/g, (sign) => ENTITIES[sign] ?? sign)
}
