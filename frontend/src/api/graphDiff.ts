/** Keeping a live graph: a state replaces it, a diff changes only what it names. */
import type { Graph, GraphDiff } from './types'

/** Apply one diff. Untouched nodes and edges stay the same objects, so that views can skip them. */
export function applyGraphDiff(graph: Graph, diff: GraphDiff): Graph {
  return {
    ...graph,
    as_of: diff.as_of,
    as_of_unix: diff.as_of_unix,
    age_s: diff.age_s,
    summary: diff.summary,
    nodes: merge(graph.nodes, diff.nodes, diff.removed_nodes),
    edges: merge(graph.edges, diff.edges, diff.removed_edges),
  }
}

/** Replace, add and remove by id; the answer is ordered by id, as a fresh state is. */
export function merge<T extends { id: string }>(items: T[], changed: T[], removed: string[]): T[] {
  if (changed.length === 0 && removed.length === 0) return items
  const byId = new Map(items.map((item) => [item.id, item]))
  for (const id of removed) byId.delete(id)
  for (const item of changed) byId.set(item.id, item)
  return [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
}
