/** The graph as it is shown: the API's nodes, and collapsed namespaces among them. */
import type { GraphEdge, GraphNode, Health } from '@/api/types'

export type NodeKind = GraphNode['kind'] | 'namespace'
export type SceneNode = Omit<GraphNode, 'kind'> & {
  kind: NodeKind
  /** Of a collapsed namespace: how many nodes it stands for. */
  members?: number
}
export type Scene = { nodes: SceneNode[]; edges: GraphEdge[] }

/** As the API answers it, but for a gateway's proxies: nobody calls those, so they stand where gateways do. */
export function asScene({ nodes, edges }: Scene): Scene {
  const ids = new Set(nodes.map((node) => node.id))
  const isGateway = ({ kind, id }: SceneNode) => kind === 'instance' && !ids.has(id.split('#')[0] ?? '')
  return { nodes: nodes.map((node) => (isGateway(node) ? { ...node, kind: 'gateway' } : node)), edges }
}

/** The service a node belongs to, `namespace/name`; what is outside the mesh is called by its id. */
export function serviceOf(node: Pick<SceneNode, 'id' | 'namespace' | 'name'>): string {
  return node.namespace === null ? node.id : `${node.namespace}/${node.name}`
}

/** The box a node is drawn in; gateways stand where traffic comes in, and collapsed namespaces for their own box. */
export function boxOfNode({ kind, namespace }: Pick<SceneNode, 'kind' | 'namespace'>): string | null {
  return kind === 'gateway' || kind === 'namespace' ? null : namespace
}

const SEVERITY: Record<Health, number> = { idle: 0, unknown: 1, healthy: 2, degraded: 3, failing: 4 }

export function worstHealth(healths: Health[]): Health {
  return healths.reduce((worst, health) => (SEVERITY[health] > SEVERITY[worst] ? health : worst), 'idle')
}

export function groupBy<T>(items: T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const name = key(item)
    const group = groups.get(name)
    if (group) group.push(item)
    else groups.set(name, [item])
  }
  return groups
}
