import { MockMesh } from '@mock/mesh'
import { expect, it } from 'vitest'
import { applyGraphDiff } from '@/api/graphDiff'
import type { Graph, GraphDiff } from '@/api/types'

/** What the server sends: changed items whole, ids of those gone. */
function diffOf(before: Graph, after: Graph): GraphDiff {
  const changed = <T extends { id: string }>(old: T[], now: T[]) =>
    now.filter((item) => JSON.stringify(item) !== JSON.stringify(old.find(({ id }) => id === item.id)))
  const removed = (old: { id: string }[], now: { id: string }[]) =>
    old.map(({ id }) => id).filter((id) => !now.some((item) => item.id === id))
  return {
    ...after,
    nodes: changed(before.nodes, after.nodes),
    edges: changed(before.edges, after.edges),
    removed_nodes: removed(before.nodes, after.nodes),
    removed_edges: removed(before.edges, after.edges),
  }
}

it('a state and its diffs are the same as a fresh state', () => {
  let now = 1_800_000_000_000
  const mesh = new MockMesh(() => now)
  let kept = mesh.graph(60, 'version')
  for (const [second, weights] of [
    { v1: 100, v2: 0 },
    { v1: 0, v2: 100 },
    { v1: 50, v2: 50 },
  ].entries()) {
    mesh.setSplit('shop/catalog', weights, '')
    for (let tick = 0; tick < 20; tick += 1) mesh.tick()
    now += 1000 * (second + 1)
    const fresh = mesh.graph(60, 'version')
    kept = applyGraphDiff(kept, diffOf(kept, fresh))
    expect(kept).toEqual(fresh)
  }
})

it('keeps untouched edges the same objects', () => {
  const graph = new MockMesh(() => 1_800_000_000_000).graph(60, 'service')
  const [first, ...rest] = graph.edges
  if (!first) throw new Error('the mock mesh has edges')
  const diff = { ...graph, nodes: [], edges: [{ ...first, rps: 1 }], removed_nodes: [], removed_edges: [] }
  const next = applyGraphDiff(graph, diff)
  expect(next.nodes).toBe(graph.nodes)
  expect(next.edges[0]?.rps).toBe(1)
  expect(next.edges[1]).toBe(rest[0])
})

it('removes what is gone', () => {
  const graph = new MockMesh(() => 1_800_000_000_000).graph(60, 'service')
  const gone = graph.edges[0]?.id ?? ''
  const next = applyGraphDiff(graph, {
    ...graph,
    nodes: [],
    edges: [],
    removed_nodes: [],
    removed_edges: [gone],
  })
  expect(next.edges.map(({ id }) => id)).not.toContain(gone)
  expect(next.edges).toHaveLength(graph.edges.length - 1)
})
