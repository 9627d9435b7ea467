/** The view model of the graph: what a renderer draws, computed from a scene without drawing. */
import type { GraphEdge, Health } from '@/api/types'
import { boxOfNode, groupBy, type NodeKind, type Scene, type SceneNode, worstHealth } from './scene'

/** Shares of responses, summing to 1 when there is traffic. */
export type ResponseShares = { ok: number; client: number; failed: number }
/** Whether a search found it; `faint` is what it did not find, unless it found nothing at all. */
export type Mark = 'found' | 'faint' | ''

export type NodeView = {
  id: string
  label: string
  /** Null outside of every box: gateways, and traffic from nobody the mesh knows. */
  box: string | null
  kind: NodeKind
  health: Health
  shares: ResponseShares | null
  mark: Mark
}
export type EdgeView = {
  id: string
  source: string
  target: string
  label: string
  health: Health
  rps: number
  errorRate: number
  width: number
  secured: boolean
  /** Another edge runs the opposite way, so both are bent. */
  bent: boolean
  mark: Mark
}
export type BoxView = { id: string; label: string; health: Health }
export type GraphView = { nodes: NodeView[]; edges: EdgeView[]; boxes: BoxView[] }

/** With more edges than this, only those in trouble and those found carry a label: nobody could read them all. */
export const MOST_LABELS = 400
/** Up to this many edges have room to be as wide as they like. */
const ROOMY = 60

/** Thickness at the caller's end, pixels: 2 for a trickle, 12 from a thousand requests a second; thinner among many. */
export function edgeWidth(rps: number, edges = 1): number {
  const crowd = edges <= ROOMY ? 1 : edges <= MOST_LABELS ? 0.5 : 0.25
  return (2 + Math.min(10, (10 / 3) * Math.log10(1 + rps))) * crowd
}

export function responseShares(edges: Pick<GraphEdge, 'codes'>[]): ResponseShares | null {
  let [ok, client, failed] = [0, 0, 0]
  for (const { codes } of edges) {
    ok += (codes['1xx'] ?? 0) + (codes['2xx'] ?? 0) + (codes['3xx'] ?? 0)
    client += codes['4xx'] ?? 0
    failed += (codes['5xx'] ?? 0) + (codes['0'] ?? 0)
  }
  const all = ok + client + failed
  return all === 0 ? null : { ok: ok / all, client: client / all, failed: failed / all }
}

export type ViewOptions = {
  labelOf: (edge: GraphEdge) => string
  nameOf: (node: SceneNode) => string
  found: Set<string> | null
  /** Every edge of the graph: what is hidden still counts for what a node answered. */
  all: GraphEdge[]
}

/** What a node answered; of one that only sends, such as a gateway, what it was answered. */
function answered(edges: GraphEdge[]): (id: string) => GraphEdge[] {
  const inbound = groupBy(edges, (edge) => edge.target)
  const outbound = groupBy(edges, (edge) => edge.source)
  return (id) => inbound.get(id) ?? outbound.get(id) ?? []
}

export function toView({ nodes, edges }: Scene, { labelOf, nameOf, found, all }: ViewOptions): GraphView {
  const answers = answered(all)
  const answersOfBoxes = answered(edges)
  const ids = new Set(edges.map((edge) => edge.id))
  const labelled = edges.length <= MOST_LABELS
  const markOf = (id: string): Mark => (!found?.size ? '' : found.has(id) ? 'found' : 'faint')
  return {
    nodes: nodes.map((node) => ({
      id: node.id,
      label: nameOf(node),
      box: boxOfNode(node),
      kind: node.kind,
      health: node.health,
      shares: responseShares((node.kind === 'namespace' ? answersOfBoxes : answers)(node.id)),
      mark: markOf(node.id),
    })),
    edges: edges.map((edge) => {
      const mark = markOf(edge.id)
      const isTold = labelled || mark === 'found' || edge.health === 'failing' || edge.health === 'degraded'
      return {
        id: edge.id,
        source: edge.source,
        target: edge.target,
        label: isTold ? labelOf(edge) : '',
        health: edge.health,
        rps: edge.rps,
        errorRate: edge.error_rate ?? 0,
        width: edgeWidth(edge.rps, edges.length),
        secured: edge.secured >= 0.9995,
        bent: ids.has(`${edge.target}->${edge.source}`),
        mark,
      }
    }),
    boxes: boxesOf(nodes),
  }
}

function boxesOf(nodes: SceneNode[]): BoxView[] {
  const boxed = nodes.filter((node) => boxOfNode(node) !== null)
  const boxes = [...groupBy(boxed, (node) => boxOfNode(node) ?? '')].sort(([a], [b]) => (a < b ? -1 : 1))
  return boxes.map(([id, inside]) => ({
    id,
    label: id,
    health: worstHealth(inside.map((node) => node.health)),
  }))
}
