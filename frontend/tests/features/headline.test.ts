import { incidentsOf } from '@mock/incidents'
import { MockMesh } from '@mock/mesh'
import { describe, expect, it } from 'vitest'
import type { Graph } from '@/api/types'
import '@/features/overview/texts'
import { explained, headline, rankEdges } from '@/features/overview/headline'
import { worstEdges } from '@/features/overview/useIncident'
import { t } from '@/text'

const NOW = 1_800_000_000_000
const mesh = new MockMesh(() => NOW)
const graph = mesh.graph(60, 'service')
const found = incidentsOf(mesh).overview().worst_edges
const plain = (text: string) => text.replace(/[\u00a0\u202f]/g, ' ')
const healthy: Graph = {
  ...graph,
  edges: graph.edges.map((edge) => ({ ...edge, health: 'healthy' as const })),
}

describe('the headline', () => {
  it('names the worst edge, since when, and the change before it', () => {
    const { text, health, worst } = headline(graph, found, t)
    expect(health).toBe('failing')
    expect(worst?.id).toBe('shop/checkout->shop/payments')
    expect(plain(text)).toMatch(
      /^1 of 12 edges failing: shop\/checkout → shop\/payments, 13\.\d % errors since \d\d:\d\d( [AP]M)?, after change #41 by ana$/,
    )
  })

  it('says what the graph alone shows while the server has not told more', () => {
    expect(plain(headline(graph, [], t).text)).toMatch(/shop\/payments, 13\.\d % errors$/)
  })

  it('counts only what is degraded when nothing fails', () => {
    const edges = graph.edges.filter((edge) => edge.health !== 'failing')
    expect(headline({ ...graph, edges }, [], t).text).toContain('3 of 11 edges degraded: shop/frontend')
  })

  it('is calm when all is well', () => {
    expect(headline(healthy, [], t)).toEqual({
      text: 'All 12 edges healthy',
      health: 'healthy',
      worst: null,
    })
  })

  it('says when there is no traffic', () => {
    expect(headline({ ...graph, edges: [] }, [], t).health).toBe('unknown')
  })
})

it('ranks failing edges before slow ones', () => {
  const slow = healthy.edges.map((edge) => ({ ...edge, p99_ms: 10_000, error_rate: 0 }))
  const failing = { ...slow[0], id: 'bad', health: 'failing' as const, p99_ms: 1 } as (typeof slow)[number]
  expect(rankEdges([...slow, failing])[0]?.id).toBe('bad')
})

it('ranks an edge whose errors come from further behind after the one that explains them', () => {
  const [first] = graph.edges
  if (!first) throw new Error('the mock mesh has edges')
  const edge = (source: string, target: string, errors: number, health: 'degraded' | 'failing') => ({
    ...first,
    id: `${source}->${target}`,
    source,
    target,
    errors,
    error_rate: errors / 1000,
    rps: 10,
    health,
  })
  const edges = [
    edge('a', 'b', 60, 'degraded'),
    edge('b', 'c', 50, 'degraded'),
    edge('b', 'd', 1, 'degraded'),
  ]
  expect([...explained(edges)]).toEqual([['a->b', 'b->c']])
  expect(rankEdges(edges)[0]?.id).toBe('b->c')
})

it('shows what the server found with the numbers of the graph, and after it what the graph alone has', () => {
  const [known] = found
  if (!known) throw new Error('the mock overview has edges')
  const stale = { ...known, edge: { ...known.edge, rps: 0 } }
  const shown = worstEdges(graph, [stale])
  expect(shown[0]?.edge.rps).toBeGreaterThan(0)
  expect(shown[0]?.change?.id).toBe(41)
  expect(shown.length).toBe(4)
  expect(shown[1]).toMatchObject({ burn: null, since: null })
})
