import { MockMesh } from '@mock/mesh'
import { describe, expect, it } from 'vitest'
import { edgeWidth, MOST_LABELS, responseShares, toView } from '@/graph/model'
import { ringParts } from '@/graph/nodeImages'
import { pointOn } from '@/graph/paths'
import { dotRate } from '@/graph/trafficOverlay'
import { edge } from './query/subjects'

const graph = new MockMesh(() => 1_800_000_000_000).graph(60, 'service')
const options = { labelOf: () => 'x', nameOf: () => 'n', all: graph.edges }
const view = toView(graph, { ...options, found: null })

describe('the view of a graph', () => {
  it('bends only the two edges that run opposite', () => {
    const bent = view.edges.filter((edge) => edge.bent).map((edge) => edge.id)
    expect(bent.sort()).toEqual(['shop/cart->shop/checkout', 'shop/checkout->shop/cart'])
  })

  it('marks a box with the worst of its nodes', () => {
    expect(view.boxes.map(({ id, health }) => [id, health])).toEqual([
      ['platform', 'healthy'],
      ['shop', 'failing'],
    ])
  })

  it('secures only edges where all requests were', () => {
    expect(view.edges.filter((edge) => !edge.secured).map((edge) => edge.source)).toEqual([
      'platform/gateway',
    ])
  })

  it('marks what a search found, and lets the rest step back', () => {
    const { nodes } = toView(graph, { ...options, found: new Set(['shop/cart']) })
    expect(nodes.filter((node) => node.mark === 'found').map((node) => node.id)).toEqual(['shop/cart'])
    expect(nodes.filter((node) => node.mark === '')).toEqual([])
    expect(view.nodes.every((node) => node.mark === '')).toBe(true)
  })

  it('labels of very many edges only those that matter', () => {
    const many = Array.from({ length: MOST_LABELS + 1 }, (_, index) => edge(`a/${index}`, 'a/b'))
    const some = [...many, edge('a/x', 'a/y', { health: 'failing' })]
    const told = toView({ nodes: [], edges: some }, { ...options, found: null }).edges.filter(
      (each) => each.label,
    )
    expect(told.map((each) => each.id)).toEqual(['a/x->a/y'])
  })
})

describe('how traffic looks', () => {
  it('is wider with more requests, by the logarithm', () => {
    expect(edgeWidth(0)).toBe(2)
    expect(edgeWidth(100) - edgeWidth(10)).toBeLessThan(edgeWidth(10))
    expect(edgeWidth(1e9)).toBe(12)
  })

  it('moves a dot per request while they are few', () => {
    expect(dotRate(2)).toBe(2)
    expect(dotRate(4000)).toBeCloseTo(13)
  })

  it('keeps a single failure visible in the ring', () => {
    expect(ringParts({ ok: 0.999, client: 0, failed: 0.001 })).toEqual([5, 0])
    expect(ringParts({ ok: 1, client: 0, failed: 0 })).toEqual([0, 0])
    expect(ringParts(null)).toBeNull()
  })

  it('counts no answer as failed', () => {
    const [first] = graph.edges
    if (!first) throw new Error('the mock mesh has edges')
    expect(responseShares([{ ...first, codes: { '2xx': 3, '0': 1 } }])).toEqual({
      ok: 0.75,
      client: 0,
      failed: 0.25,
    })
  })

  it('follows the bend of an edge', () => {
    const path = { from: { x: 0, y: 0 }, bend: { x: 5, y: 10 }, to: { x: 10, y: 0 } }
    expect(pointOn(path, 0.5)).toEqual({ x: 5, y: 5 })
    expect(pointOn({ ...path, bend: null }, 0.5)).toEqual({ x: 5, y: 0 })
  })
})
