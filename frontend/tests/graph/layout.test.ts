import { describe, expect, it } from 'vitest'
import { layout, type Positions, ROW, toSegment } from '@/graph/layout'

/** Gateways stand outside of boxes. */
const node = (id: string) => ({ id, namespace: id.endsWith('/gateway') ? '' : (id.split('/')[0] ?? '') })
const edge = (source: string, target: string) => ({ source, target })

const NODES = [
  'platform/gateway',
  'platform/inventory',
  'platform/users',
  'shop/cart',
  'shop/catalog',
  'shop/checkout',
  'shop/frontend',
  'shop/payments',
].map(node)
const EDGES = [
  edge('platform/gateway', 'shop/frontend'),
  edge('shop/frontend', 'shop/catalog'),
  edge('shop/frontend', 'shop/cart'),
  edge('shop/frontend', 'shop/checkout'),
  edge('shop/checkout', 'shop/cart'),
  edge('shop/cart', 'shop/checkout'),
  edge('shop/checkout', 'shop/payments'),
  edge('shop/catalog', 'platform/inventory'),
  edge('shop/cart', 'platform/users'),
]

const at = (positions: Positions, id: string) => {
  const point = positions[id]
  if (!point) throw new Error(`${id} has no position`)
  return point
}

describe('a fresh layout', () => {
  const fresh = layout(NODES, EDGES, {})

  it('is the same in whatever order the graph arrives', () => {
    expect(layout([...NODES].reverse(), [...EDGES].reverse(), {})).toEqual(fresh)
  })

  it('puts callers left of callees', () => {
    for (const { source, target } of EDGES) {
      if (target === 'shop/cart' || source === 'shop/cart') continue
      expect(at(fresh, source).x).toBeLessThan(at(fresh, target).x)
    }
  })

  it('keeps boxes apart and without empty rows or columns', () => {
    const box = (name: string) =>
      NODES.filter(({ namespace }) => namespace === name).map(({ id }) => at(fresh, id))
    const right = Math.max(...box('shop').map(({ x }) => x))
    expect(Math.min(...box('platform').map(({ x }) => x))).toBeGreaterThan(right)
    const heights = box('platform').map(({ y }) => y)
    expect(Math.max(...heights) - Math.min(...heights)).toBe(ROW)
    expect(at(fresh, 'platform/gateway').x).toBeLessThan(Math.min(...box('shop').map(({ x }) => x)))
  })

  it('puts no two nodes on one another', () => {
    const points = NODES.map(({ id }) => at(fresh, id))
    for (const [index, a] of points.entries()) {
      for (const b of points.slice(index + 1)) {
        expect(a.x !== b.x || Math.abs(a.y - b.y) >= ROW * 0.5).toBe(true)
      }
    }
  })

  it('leads no edge over a node', () => {
    for (const { source, target } of EDGES) {
      for (const { id } of NODES) {
        if (id === source || id === target) continue
        expect(toSegment(at(fresh, id), at(fresh, source), at(fresh, target))).toBeGreaterThan(22)
      }
    }
  })
})

describe('a layout with positions', () => {
  const fresh = layout(NODES, EDGES, {})

  it('moves no node when others come', () => {
    const nodes = [...NODES, node('shop/reviews'), node('ads/server')]
    const edges = [...EDGES, edge('shop/catalog', 'shop/reviews'), edge('shop/frontend', 'ads/server')]
    const next = layout(nodes, edges, fresh)
    for (const { id } of NODES) expect(next[id]).toEqual(fresh[id])
    expect(at(next, 'shop/reviews').x).toBeGreaterThan(at(next, 'shop/catalog').x)
  })

  it('gives every newcomer a cell of its own', () => {
    const newcomers = Array.from({ length: 12 }, (_, n) => node(`shop/new-${n}`))
    const edges = [...EDGES, ...newcomers.map(({ id }) => edge('shop/frontend', id))]
    const next = layout([...NODES, ...newcomers], edges, fresh)
    const points = new Set(Object.values(next).map(({ x, y }) => `${x} ${y}`))
    expect(points.size).toBe(NODES.length + newcomers.length)
  })

  it('keeps where somebody dragged a node', () => {
    const pinned = { ...fresh, 'shop/cart': { x: 999, y: -5 } }
    expect(layout(NODES, EDGES, pinned)['shop/cart']).toEqual({ x: 999, y: -5 })
  })

  it('forgets nodes that left', () => {
    expect(layout(NODES.slice(1), EDGES, fresh)['platform/gateway']).toBeUndefined()
  })
})

it('lays out a thousand services without two in one place', () => {
  const nodes = Array.from({ length: 1000 }, (_, n) => node(`ns-${n % 50}/service-${n}`))
  const edges = Array.from({ length: 5000 }, (_, n) =>
    edge(nodes[(n * 7) % 1000]?.id ?? '', nodes[(n * 13 + 5) % 1000]?.id ?? ''),
  )
  const points = Object.values(layout(nodes, edges, {})).map(({ x, y }) => `${x} ${y}`)
  expect(new Set(points).size).toBe(1000)
})
