import { describe, expect, it } from 'vitest'
import { arrange, movedTogether, narrowed } from '@/graph/arrange'
import { ALL_CLOSED, ALL_OPEN, closedBoxes, collapse, MOST_OPEN_NODES, toggled } from '@/graph/collapse'
import { type Choice, compose, neighbourhood } from '@/graph/compose'
import { parse } from '@/graph/query/parser'
import type { Scene } from '@/graph/scene'
import { chance, edge, node, pick } from './query/subjects'

const graph: Scene = {
  nodes: [
    node('platform/gateway', { kind: 'gateway' }),
    node('shop/web'),
    node('shop/cart', { health: 'degraded', instances: 3 }),
    node('data/store', { health: 'failing', reason: '20 % errors' }),
    node('external', { kind: 'external' }),
  ],
  edges: [
    edge('platform/gateway', 'shop/web', { secured: 0, requests: 100, rps: 2 }),
    edge('shop/web', 'shop/cart', { rps: 5 }),
    edge('shop/web', 'data/store', { requests: 100, errors: 20, rps: 2, health: 'failing', reason: 'bad' }),
    edge('shop/cart', 'data/store', { requests: 300, errors: 0, rps: 6, secured: 0 }),
    edge('shop/cart', 'external'),
  ],
}
const NOTHING: Choice = {
  namespaces: [],
  focus: null,
  find: null,
  hide: null,
  boxes: { open: [], closed: [] },
}
const shown = (choice: Partial<Choice>) => compose(graph, { ...NOTHING, ...choice })
const ids = ({ nodes }: Scene) => nodes.map(({ id }) => id).sort()

describe('what is shown', () => {
  it('is everything without a choice', () => expect(shown({}).scene).toBe(graph))

  it('is a namespace alone', () => {
    const { scene } = shown({ namespaces: ['shop'] })
    expect(ids(scene)).toEqual(['shop/cart', 'shop/web'])
    expect(scene.edges.map(({ id }) => id)).toEqual(['shop/web->shop/cart'])
  })

  it('is what lies some hops around a service, in the direction asked for', () => {
    const around = (direction: 'both' | 'callers' | 'callees', hops = 1) =>
      ids(shown({ focus: { id: 'shop/cart', hops, direction } }).scene)
    expect(around('both')).toEqual(['data/store', 'external', 'shop/cart', 'shop/web'])
    expect(around('callers')).toEqual(['shop/cart', 'shop/web'])
    expect(around('callees')).toEqual(['data/store', 'external', 'shop/cart'])
    expect(around('callers', 2)).toEqual(['platform/gateway', 'shop/cart', 'shop/web'])
  })

  it('takes a service for all its versions', () => {
    const versions: Scene = { nodes: [node('shop/a@v1'), node('shop/a@v2'), node('shop/b@v1')], edges: [] }
    const focus = { id: 'shop/a', hops: 1, direction: 'both' as const }
    expect(ids(compose(versions, { ...NOTHING, focus }).scene)).toEqual(['shop/a@v1', 'shop/a@v2'])
  })

  it('says when the focus is not there', () => {
    const { focusKnown, scene } = shown({ focus: { id: 'shop/gone', hops: 1, direction: 'both' } })
    expect([focusKnown, scene.nodes]).toEqual([false, []])
  })

  it('is without what is hidden, its edges, and boxes that become empty', () => {
    const composed = shown({ hide: parse('ns = data') })
    expect(ids(composed.scene)).toEqual(['external', 'platform/gateway', 'shop/cart', 'shop/web'])
    expect(composed.scene.edges.map(({ id }) => id)).not.toContain('shop/cart->data/store')
    expect(composed.hiddenCount).toBe(3)
  })

  it('finds nodes and edges, also in a collapsed namespace', () => {
    const find = parse('failing')
    expect([...(shown({ find }).found ?? [])].sort()).toEqual(['data/store', 'shop/web->data/store'])
    const closed = shown({ find, boxes: ALL_CLOSED })
    expect([...(closed.found ?? [])].sort()).toEqual(['data/', 'shop/->data/'])
    expect(closed.foundCount).toBe(2)
  })

  it('reaches at most as far as hops allow, for graphs by chance', () => {
    for (let seed = 0; seed < 100; seed += 1) {
      const random = chance(seed)
      const names = Array.from({ length: 8 }, (_, index) => `n/${index}`)
      const edges = Array.from({ length: 12 }, () => edge(pick(random, names), pick(random, names)))
      const first = names[0] as string
      for (const direction of ['both', 'callers', 'callees'] as const) {
        const near = [0, 1, 2, 3].map((hops) => neighbourhood(edges, [first], hops, direction))
        expect([...(near[0] as Set<string>)]).toEqual([first])
        for (let hop = 1; hop < near.length; hop += 1) {
          const [before, now] = [near[hop - 1] as Set<string>, near[hop] as Set<string>]
          const step = edges.flatMap(({ source, target }) => [
            ...(direction !== 'callers' && before.has(source) ? [target] : []),
            ...(direction !== 'callees' && before.has(target) ? [source] : []),
          ])
          expect(now).toEqual(new Set([...before, ...step]))
        }
      }
    }
  })
})

describe('collapsed namespaces', () => {
  const { nodes, edges } = collapse(graph, new Set(['shop', 'data']))
  const box = (id: string) => nodes.find((each) => each.id === id)
  const between = edges.find((each) => each.id === 'shop/->data/')

  it('stand for their members, with the worst health', () => {
    expect(ids({ nodes, edges })).toEqual(['data/', 'external', 'platform/gateway', 'shop/'])
    expect(box('shop/')).toMatchObject({ kind: 'namespace', health: 'degraded', members: 2, instances: 4 })
    expect(box('data/')).toMatchObject({ health: 'failing', reason: '20 % errors', rps_in: 8 })
  })

  it('are joined by merged edges: counts add up, percentiles are not made up', () => {
    expect(edges.map(({ id }) => id).sort()).toEqual([
      'platform/gateway->shop/',
      'shop/->data/',
      'shop/->external',
    ])
    expect(between).toMatchObject({ rps: 8, requests: 400, errors: 20, error_rate: 0.05, p99_ms: null })
    expect(between).toMatchObject({ health: 'failing', reason: 'bad', secured: 0.25 })
  })

  it('keep all the traffic that crosses a border, for graphs by chance', () => {
    for (let seed = 0; seed < 100; seed += 1) {
      const random = chance(seed)
      const names = Array.from({ length: 9 }, (_, index) => `ns${index % 3}/s${index}`)
      const calls = Array.from({ length: 20 }, () => edge(pick(random, names), pick(random, names)))
      const unique = [...new Map(calls.map((each) => [each.id, each])).values()]
      const closed = new Set(['ns0', 'ns1'].filter(() => random() < 0.7))
      const scene = collapse({ nodes: names.map((name) => node(name)), edges: unique }, closed)
      const home = (id: string) => id.split('/')[0] as string
      const crossing = unique.filter(
        ({ source, target }) => home(source) !== home(target) || !closed.has(home(source)),
      )
      const sum = (list: { rps: number }[]) => list.reduce((total, { rps }) => total + rps, 0)
      expect(sum(scene.edges)).toBeCloseTo(sum(crossing))
      expect(new Set(scene.edges.map(({ id }) => id)).size).toBe(scene.edges.length)
      const known = new Set(scene.nodes.map(({ id }) => id))
      expect(scene.edges.every(({ source, target }) => known.has(source) && known.has(target))).toBe(true)
    }
  })

  it('are all of them in a large graph, but for those somebody opened', () => {
    const many = {
      nodes: Array.from({ length: MOST_OPEN_NODES + 1 }, (_, n) => node(`n${n % 4}/s${n}`)),
      edges: [],
    }
    const closed = (open: string[], shut: string[] = []) =>
      [...closedBoxes(many, { open, closed: shut })].sort()
    expect(closed([])).toEqual(['n0', 'n1', 'n2', 'n3'])
    expect(closed(['n2'])).toEqual(['n0', 'n1', 'n3'])
    expect(closed(['*'])).toEqual([])
    expect(closed(['*'], ['n1'])).toEqual(['n1'])
    expect([...closedBoxes(graph, { open: [], closed: [] })]).toEqual([])
    expect([...closedBoxes(graph, ALL_CLOSED)].sort()).toEqual(['data', 'shop'])
  })

  it('turn round one by one', () => {
    expect(toggled(ALL_OPEN, 'shop', false)).toEqual({ open: ['*'], closed: ['shop'] })
    expect(toggled({ open: ['*'], closed: ['shop'] }, 'shop', true)).toEqual({
      open: ['*', 'shop'],
      closed: [],
    })
  })
})

describe('where things stand', () => {
  const places = Object.fromEntries(
    graph.nodes.map(({ id }, index) => [id, { x: index * 100, y: index * 50 }]),
  )

  it('is where the arrangement has them, and a collapsed namespace amid its members', () => {
    const { scene, open } = shown({ boxes: { open: [], closed: ['shop'] } })
    expect(arrange(scene, open, places)).toEqual({
      'platform/gateway': { x: 0, y: 0 },
      'shop/': { x: 150, y: 75 },
      'data/store': { x: 300, y: 150 },
      external: { x: 400, y: 200 },
    })
    expect(movedTogether('shop/', open)).toEqual(['shop/web', 'shop/cart'])
    expect(movedTogether('data/store', open)).toEqual(['data/store'])
  })

  it('keeps orders and distances where something stands, and closes up the rest', () => {
    const at = narrowed(
      [
        { from: 0, to: 10 },
        { from: 1000, to: 1020 },
        { from: 1015, to: 1100 },
        { from: 1105, to: 1110 },
      ],
      20,
    )
    expect([0, 10, 1000, 1100, 1105].map(at)).toEqual([0, 10, 30, 130, 135])
    for (let seed = 0; seed < 100; seed += 1) {
      const random = chance(seed)
      const intervals = Array.from({ length: 6 }, () => {
        const from = Math.round(random() * 2000)
        return { from, to: from + Math.round(random() * 100) }
      })
      const map = narrowed(intervals, 30)
      const points = intervals.flatMap(({ from, to }) => [from, to]).sort((a, b) => a - b)
      for (const [index, point] of points.entries()) {
        const next = points[index + 1]
        if (next === undefined) continue
        expect(map(next) - map(point)).toBeGreaterThanOrEqual(0)
        expect(map(next) - map(point)).toBeLessThanOrEqual(next - point)
      }
      for (const { from, to } of intervals) expect(map(to) - map(from)).toBe(to - from)
    }
  })
})
