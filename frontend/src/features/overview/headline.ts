/** The answer of the overview in one sentence: what is wrong, how badly, after what. */
import type { Change, Graph, GraphEdge } from '@/api/types'
import type { Translate } from '@/text'
import { formatShare } from '@/ui/format'

/** A change this recent may be the cause. */
const SUSPECT_MS = 15 * 60_000

export type Headline = {
  text: string
  health: 'healthy' | 'degraded' | 'failing' | 'unknown'
  worst: GraphEdge | null
}

const SEVERITY = { failing: 4, degraded: 3, unknown: 1, healthy: 1, idle: 0 }

/** Worst first: failing before degraded, then by failed requests a second, then by the slowest hundredth. */
export function rankEdges(edges: GraphEdge[]): GraphEdge[] {
  const lost = (edge: GraphEdge) => (edge.error_rate ?? 0) * edge.rps
  return [...edges].sort(
    (a, b) =>
      SEVERITY[b.health] - SEVERITY[a.health] ||
      lost(b) - lost(a) ||
      (b.p99_ms ?? 0) - (a.p99_ms ?? 0) ||
      (a.id < b.id ? -1 : 1),
  )
}

/** The newest change, within the last minutes, to the service an edge leads to or comes from. */
export function suspect(edge: GraphEdge, changes: Change[], now: number): Change | null {
  const objects = [edge.target, edge.source].map((id) => `service:${id.split('@')[0]}`)
  const recent = changes.filter(
    (change) => objects.includes(change.object) && now - new Date(change.at).getTime() < SUSPECT_MS,
  )
  return recent.sort((a, b) => b.at.localeCompare(a.at))[0] ?? null
}

export function headline(graph: Graph, changes: Change[], now: number, t: Translate): Headline {
  const { edges } = graph
  if (edges.length === 0) return { text: t('headline.quiet'), health: 'unknown', worst: null }
  const failing = edges.filter((edge) => edge.health === 'failing').length
  const degraded = edges.filter((edge) => edge.health === 'degraded').length
  const worst = rankEdges(edges)[0] ?? null
  if (!worst || failing + degraded === 0) {
    return { text: t('headline.healthy', { n: edges.length }), health: 'healthy', worst: null }
  }
  const health = failing > 0 ? 'failing' : 'degraded'
  const share =
    (worst.error_rate ?? 0) > 0
      ? t('headline.errors', { share: formatShare(worst.error_rate) })
      : worst.reason
  const change = suspect(worst, changes, now)
  const cause = change ? t('headline.after', { id: change.id, actor: change.actor }) : ''
  const text = t(`headline.${health}`, {
    count: health === 'failing' ? failing : degraded,
    all: edges.length,
    source: worst.source,
    target: worst.target,
    what: [share, cause].filter(Boolean).join(', '),
  })
  return { text, health, worst }
}
