/** The overview as the server tells it, with the numbers of the live graph, which is newer. */
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useMemo } from 'react'
import { incidentQueries } from '@/api/incidents'
import type { Graph, WorstEdge } from '@/api/types'
import { explained, isTroubled, rankEdges } from './headline'

const WORST = 8

export function useIncident(graph: Graph | undefined) {
  const cache = useQueryClient()
  const overview = useQuery(incidentQueries.overview())
  const troubled = graph?.edges.filter(isTroubled).map(({ id }) => id)
  const key = troubled?.join(' ')
  // What begins or ends in the graph is asked about at once, rather than with the next poll.
  useEffect(() => {
    if (key !== undefined) cache.invalidateQueries({ queryKey: incidentQueries.overview().queryKey })
  }, [key, cache])
  const worst = useMemo(() => worstEdges(graph, overview.data?.worst_edges ?? []), [graph, overview.data])
  return { overview, worst }
}

/**
 * What the server found, as the graph is now, in the server's order; after them what the graph alone has yet.
 * An edge that is well again by the graph stays only while it burns a budget or is slow.
 */
export function worstEdges(graph: Graph | undefined, found: readonly WorstEdge[]): WorstEdge[] {
  const edges = graph?.edges ?? []
  const byId = new Map(edges.map((edge) => [edge.id, edge]))
  const known = found.map((each) => ({ ...each, edge: byId.get(each.edge.id) ?? each.edge }))
  const ids = new Set(known.map(({ edge }) => edge.id))
  const because = explained(edges)
  const fresh = rankEdges(edges.filter((edge) => isTroubled(edge) && !ids.has(edge.id))).map((edge) => ({
    edge,
    burn: null,
    p99_then_ms: null,
    p99_change: null,
    because: because.get(edge.id) ?? null,
    since: null,
    change: null,
  }))
  return [...known, ...fresh].slice(0, WORST)
}
