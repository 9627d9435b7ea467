/** The view model of the graph: what a renderer draws, computed from the API's graph without drawing. */
import type { Graph, GraphEdge, GraphNode, Health } from '@/api/types'

export type LabelChoice = 'rate' | 'errors' | 'p50' | 'p95' | 'p99'
/** Shares of responses, summing to 1 when there is traffic. */
export type ResponseShares = { ok: number; client: number; failed: number }

export type NodeView = {
  id: string
  label: string
  /** Null outside of every box: gateways, and traffic from nobody the mesh knows. */
  box: string | null
  kind: GraphNode['kind']
  health: Health
  shares: ResponseShares | null
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
}
export type BoxView = { id: string; label: string; health: Health }
export type GraphView = { nodes: NodeView[]; edges: EdgeView[]; boxes: BoxView[] }

const SEVERITY: Record<Health, number> = { idle: 0, unknown: 1, healthy: 2, degraded: 3, failing: 4 }

export function worstHealth(healths: Health[]): Health {
  return healths.reduce((worst, health) => (SEVERITY[health] > SEVERITY[worst] ? health : worst), 'idle')
}

/** Thickness at the caller's end, pixels: 2 for a trickle, 12 from a thousand requests a second. */
export function edgeWidth(rps: number): number {
  return 2 + Math.min(10, (10 / 3) * Math.log10(1 + rps))
}

export function responseShares(edges: GraphEdge[]): ResponseShares | null {
  const sum = (...keys: string[]) =>
    edges.reduce((total, edge) => total + keys.reduce((n, key) => n + (edge.codes[key] ?? 0), 0), 0)
  const ok = sum('1xx', '2xx', '3xx')
  const client = sum('4xx')
  const failed = sum('5xx', '0')
  const all = ok + client + failed
  return all === 0 ? null : { ok: ok / all, client: client / all, failed: failed / all }
}

export type ViewOptions = {
  labelOf: (edge: GraphEdge) => string
  namespaces: string[]
  focus?: { id: string; hops: number }
}

/** The part of the graph the page shows. Edges to filtered namespaces are left out with their nodes. */
export function visibleGraph(graph: Graph, { namespaces, focus }: Omit<ViewOptions, 'labelOf'>): Graph {
  let shown = new Set(graph.nodes.map((node) => node.id))
  if (namespaces.length) {
    shown = new Set(
      graph.nodes.filter((node) => namespaces.includes(node.namespace ?? '')).map((node) => node.id),
    )
  }
  if (focus) {
    const near = neighbourhood(graph.edges, focus.id, focus.hops)
    shown = new Set([...shown].filter((id) => near.has(id)))
  }
  if (shown.size === graph.nodes.length) return graph
  return {
    ...graph,
    nodes: graph.nodes.filter((node) => shown.has(node.id)),
    edges: graph.edges.filter((edge) => shown.has(edge.source) && shown.has(edge.target)),
  }
}

export function neighbourhood(edges: GraphEdge[], id: string, hops: number): Set<string> {
  const reached = new Set([id])
  for (let hop = 0; hop < hops; hop += 1) {
    for (const { source, target } of edges.filter((e) => reached.has(e.source) !== reached.has(e.target))) {
      reached.add(source)
      reached.add(target)
    }
  }
  return reached
}

/** The box a node is drawn in; gateways stand where traffic comes in, before every box. */
export function boxOfNode({ kind, namespace }: GraphNode): string | null {
  return kind === 'gateway' ? null : namespace
}

/** What a node answered; of one that only sends, such as a gateway, what it was answered. */
function answered(edges: GraphEdge[]): (id: string) => GraphEdge[] {
  const inbound = new Map<string, GraphEdge[]>()
  const outbound = new Map<string, GraphEdge[]>()
  for (const edge of edges) {
    inbound.set(edge.target, [...(inbound.get(edge.target) ?? []), edge])
    outbound.set(edge.source, [...(outbound.get(edge.source) ?? []), edge])
  }
  return (id) => inbound.get(id) ?? outbound.get(id) ?? []
}

export function toView(graph: Graph, options: ViewOptions): GraphView {
  const { nodes, edges } = visibleGraph(graph, options)
  const answers = answered(graph.edges)
  const pairs = new Set(edges.map((edge) => `${edge.source} ${edge.target}`))
  const boxes = [...new Set(nodes.flatMap((node) => boxOfNode(node) ?? []))].sort()
  return {
    nodes: nodes.map((node) => ({
      id: node.id,
      label: node.version ? `${node.name}\n${node.version}` : node.name,
      box: boxOfNode(node),
      kind: node.kind,
      health: node.health,
      shares: responseShares(answers(node.id)),
    })),
    edges: edges.map((edge) => ({
      id: edge.id,
      source: edge.source,
      target: edge.target,
      label: options.labelOf(edge),
      health: edge.health,
      rps: edge.rps,
      errorRate: edge.error_rate ?? 0,
      width: edgeWidth(edge.rps),
      secured: edge.secured >= 0.9995,
      bent: pairs.has(`${edge.target} ${edge.source}`),
    })),
    boxes: boxes.map((box) => ({
      id: box,
      label: box,
      health: worstHealth(nodes.filter((node) => boxOfNode(node) === box).map((node) => node.health)),
    })),
  }
}
