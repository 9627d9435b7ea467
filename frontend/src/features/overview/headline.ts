/** The answer of the overview in one sentence: what is wrong, how badly, since when, after what. */
import type { Graph, GraphEdge, WorstEdge } from '@/api/types'
import type { Translate } from '@/text'
import { formatClock, formatShare } from '@/ui/format'

export type Headline = {
  text: string
  health: 'healthy' | 'degraded' | 'failing' | 'unknown'
  worst: GraphEdge | null
}

const SEVERITY = { failing: 4, degraded: 3, unknown: 1, healthy: 1, idle: 0 }
/** The part of an edge's errors that, further behind, explains them. */
const EXPLAINS = 0.5

/** By edge with errors, the edge behind it that has at least half as many. */
export function explained(edges: readonly GraphEdge[]): Map<string, string> {
  const behind = new Map<string, GraphEdge>()
  for (const edge of edges) {
    const known = behind.get(edge.source)
    if (edge.errors > 0 && isTroubled(edge) && (!known || edge.errors > known.errors)) {
      behind.set(edge.source, edge)
    }
  }
  const found = new Map<string, string>()
  for (const { id, target, errors } of edges) {
    const next = behind.get(target)
    if (next && errors > 0 && next.errors >= errors * EXPLAINS) found.set(id, next.id)
  }
  return found
}

export function isTroubled({ health }: GraphEdge): boolean {
  return health === 'failing' || health === 'degraded'
}

/**
 * Worst first: what fails by itself before what another edge explains, failing before degraded, then by
 * failed requests a second, then by the slowest hundredth.
 */
export function rankEdges(edges: readonly GraphEdge[]): GraphEdge[] {
  const symptoms = explained(edges)
  const lost = (edge: GraphEdge) => (edge.error_rate ?? 0) * edge.rps
  const rank = (edge: GraphEdge) =>
    isTroubled(edge) ? SEVERITY[edge.health] - (symptoms.has(edge.id) ? 1.5 : 0) : SEVERITY[edge.health]
  return [...edges].sort(
    (a, b) =>
      rank(b) - rank(a) || lost(b) - lost(a) || (b.p99_ms ?? 0) - (a.p99_ms ?? 0) || (a.id < b.id ? -1 : 1),
  )
}

/** `found` is what the server knows of edges that are not well: since when, and after which change. */
export function headline(graph: Graph, found: readonly WorstEdge[], t: Translate): Headline {
  const { edges } = graph
  if (edges.length === 0) return { text: t('headline.quiet'), health: 'unknown', worst: null }
  const failing = edges.filter((edge) => edge.health === 'failing').length
  const degraded = edges.filter((edge) => edge.health === 'degraded').length
  const worst = rankEdges(edges)[0] ?? null
  if (!worst || failing + degraded === 0) {
    return { text: t('headline.healthy', { n: edges.length }), health: 'healthy', worst: null }
  }
  const health = failing > 0 ? 'failing' : 'degraded'
  const text = t(`headline.${health}`, {
    count: health === 'failing' ? failing : degraded,
    all: edges.length,
    source: worst.source,
    target: worst.target,
    what: whatIsWrong(
      worst,
      found.find(({ edge }) => edge.id === worst.id),
      t,
    ),
  })
  return { text, health, worst }
}

function whatIsWrong(edge: GraphEdge, known: WorstEdge | undefined, t: Translate): string {
  const what =
    (edge.error_rate ?? 0) > 0 ? t('headline.errors', { share: formatShare(edge.error_rate) }) : edge.reason
  const since = known?.since ? t('headline.since', { what, at: formatClock(known.since) }) : what
  const change = known?.change
  return change ? `${since}, ${t('headline.after', { id: change.id, actor: change.actor })}` : since
}
