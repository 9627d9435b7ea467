/** The graph as it is shown: the API's nodes, and collapsed namespaces among them. */
import type { GraphEdge, GraphNode } from '@/api/types'

export type NodeKind = GraphNode['kind'] | 'instance' | 'external' | 'namespace'
export type SceneNode = Omit<GraphNode, 'kind'> & {
  kind: NodeKind
  /** The id of the proxy, where nodes are instances. */
  instance?: string | null
  /** Of a collapsed namespace: how many nodes it stands for. */
  members?: number
}
export type Scene = { nodes: SceneNode[]; edges: GraphEdge[] }

/** The service a node belongs to, `namespace/name`; what is outside the mesh is called by its id. */
export function serviceOf(node: Pick<SceneNode, 'id' | 'namespace' | 'name'>): string {
  return node.namespace === null ? node.id : `${node.namespace}/${node.name}`
}
