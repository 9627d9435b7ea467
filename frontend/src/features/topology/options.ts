/** What can be chosen on the topology page, and how it stands in the URL. */
import type { GraphEdge } from '@/api/types'
import type { LabelChoice } from '@/graph/model'
import { formatBytesPerSecond, formatMs, formatRate, formatShare } from '@/ui/format'

export const WINDOWS = ['10s', '60s', '5m', '15m'] as const
export const LABELS: LabelChoice[] = ['rate', 'errors', 'p50', 'p95', 'p99']

export const URL_DEFAULTS = {
  window: '60s',
  by: 'service',
  label: 'rate',
  ns: '',
  sel: '',
  focus: '',
  hops: '1',
  view: 'graph',
}
export type TopologyState = Record<keyof typeof URL_DEFAULTS, string>

/** Connections live long and have no latency: what moves on a TCP edge are bytes. */
const bytesOr = (edge: GraphEdge, text: string): string =>
  edge.protocol === 'tcp' ? formatBytesPerSecond(edge.bytes_in_per_s + edge.bytes_out_per_s) : text

const LABEL_OF: Record<LabelChoice, (edge: GraphEdge) => string> = {
  rate: (edge) => bytesOr(edge, formatRate(edge.rps)),
  errors: (edge) => formatShare(edge.error_rate),
  p50: (edge) => bytesOr(edge, formatMs(edge.p50_ms)),
  p95: (edge) => bytesOr(edge, formatMs(edge.p95_ms)),
  p99: (edge) => bytesOr(edge, formatMs(edge.p99_ms)),
}

export function edgeLabel(choice: string): (edge: GraphEdge) => string {
  return LABEL_OF[choice as LabelChoice] ?? LABEL_OF.rate
}

/** An unknown value in a hand-written address falls back to the default. */
export function graphParams(state: TopologyState): { window: string; by: 'service' | 'version' } {
  const window = (WINDOWS as readonly string[]).includes(state.window) ? state.window : URL_DEFAULTS.window
  return { window, by: state.by === 'version' ? 'version' : 'service' }
}

export function viewOptions(state: TopologyState) {
  const hops = Math.max(1, Number.parseInt(state.hops, 10) || 1)
  return {
    labelOf: edgeLabel(state.label),
    namespaces: state.ns ? state.ns.split(',') : [],
    focus: state.focus ? { id: state.focus, hops } : undefined,
  }
}
