import { MockMesh } from '@mock/mesh'
import { describe, expect, it } from 'vitest'
import type { Graph } from '@/api/types'
import { headline, rankEdges, suspect } from '@/features/overview/headline'
import { t } from '@/text'

const NOW = 1_800_000_000_000
const mesh = new MockMesh(() => NOW)
const graph = mesh.graph(60, 'service')
const plain = (text: string) => text.replace(/[  ]/g, ' ')
const healthy: Graph = {
  ...graph,
  edges: graph.edges.map((edge) => ({ ...edge, health: 'healthy' as const })),
}

describe('the headline', () => {
  it('names the worst edge and the change before it', () => {
    const { text, health, worst } = headline(graph, mesh.changes, NOW, t)
    expect(health).toBe('failing')
    expect(worst?.id).toBe('shop/checkout->shop/payments')
    expect(plain(text)).toMatch(
      /^1 of 12 edges failing: shop\/checkout → shop\/payments, 13\.\d % errors, after change #41 by ana$/,
    )
  })

  it('does not blame a change of long ago', () => {
    expect(headline(graph, mesh.changes, NOW + 3_600_000, t).text).not.toContain('#41')
  })

  it('counts only what is degraded when nothing fails', () => {
    const edges = graph.edges.filter((edge) => edge.health !== 'failing')
    expect(headline({ ...graph, edges }, [], NOW, t).text).toContain('3 of 11 edges degraded: shop/frontend')
  })

  it('is calm when all is well', () => {
    expect(headline(healthy, [], NOW, t)).toEqual({
      text: 'All 12 edges healthy',
      health: 'healthy',
      worst: null,
    })
  })

  it('says when there is no traffic', () => {
    expect(headline({ ...graph, edges: [] }, [], NOW, t).health).toBe('unknown')
  })
})

it('ranks failing edges before slow ones', () => {
  const slow = healthy.edges.map((edge) => ({ ...edge, p99_ms: 10_000, error_rate: 0 }))
  const failing = { ...slow[0], id: 'bad', health: 'failing' as const, p99_ms: 1 } as (typeof slow)[number]
  expect(rankEdges([...slow, failing])[0]?.id).toBe('bad')
})

it('suspects the newest change of either end', () => {
  const edge = graph.edges.find(({ id }) => id === 'shop/checkout->shop/payments')
  if (!edge) throw new Error('the mock mesh has this edge')
  expect(suspect(edge, mesh.changes, NOW)?.id).toBe(41)
})
