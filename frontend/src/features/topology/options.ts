/** What can be chosen on the topology page, and how it stands in the URL. */
import type { GraphEdge } from '@/api/types'
import { type BoxChoice, toggled } from '@/graph/collapse'
import { type Choice, DIRECTIONS, type Direction, type Focus } from '@/graph/compose'
import { QueryError } from '@/graph/query/lexer'
import { parse, type Query } from '@/graph/query/parser'
import { formatBytesPerSecond, formatMs, formatRate, formatShare } from '@/ui/format'

export const WINDOWS = ['10s', '60s', '5m', '15m'] as const
export const GRAINS = ['service', 'version', 'instance'] as const
export type Grain = (typeof GRAINS)[number]
export const LABELS = ['rate', 'errors', 'p50', 'p95', 'p99', 'throughput'] as const
export type LabelChoice = (typeof LABELS)[number]
export const MOST_HOPS = 5

export const URL_DEFAULTS = {
  window: '60s',
  by: 'service',
  label: 'rate',
  ns: '',
  sel: '',
  focus: '',
  hops: '1',
  dir: 'both',
  find: '',
  hide: '',
  open: '',
  closed: '',
  view: 'graph',
  /** An arrangement that came with the link, packed. */
  layout: '',
  /** The past moment shown, Unix seconds; empty is live. */
  at: '',
  span: '15m',
}
export type TopologyState = Record<keyof typeof URL_DEFAULTS, string>
export type SetState = (patch: Partial<TopologyState>) => void

/** Connections live long and have no latency: what moves on a TCP edge are bytes. */
const bytesOf = (edge: GraphEdge) => formatBytesPerSecond(edge.bytes_in_per_s + edge.bytes_out_per_s)
const bytesOr = (edge: GraphEdge, text: string) => (edge.protocol === 'tcp' ? bytesOf(edge) : text)

const LABEL_OF: Record<LabelChoice, (edge: GraphEdge) => string> = {
  rate: (edge) => bytesOr(edge, formatRate(edge.rps)),
  errors: (edge) => formatShare(edge.error_rate),
  p50: (edge) => bytesOr(edge, formatMs(edge.p50_ms)),
  p95: (edge) => bytesOr(edge, formatMs(edge.p95_ms)),
  p99: (edge) => bytesOr(edge, formatMs(edge.p99_ms)),
  throughput: bytesOf,
}

export function edgeLabel(choice: string): (edge: GraphEdge) => string {
  return LABEL_OF[choice as LabelChoice] ?? LABEL_OF.rate
}

export function oneOf<T extends string>(values: readonly T[], value: string, fallback: T): T {
  return (values as readonly string[]).includes(value) ? (value as T) : fallback
}

/** An unknown value in a hand-written address falls back to the default. */
export function graphParams(state: Pick<TopologyState, 'window' | 'by'>): { window: string; by: Grain } {
  return { window: oneOf(WINDOWS, state.window, '60s'), by: oneOf(GRAINS, state.by, 'service') }
}

export const namesIn = (list: string): string[] => list.split(',').filter(Boolean)

export function focusOf({ focus, hops, dir }: Pick<TopologyState, 'focus' | 'hops' | 'dir'>): Focus | null {
  const wanted = Math.min(MOST_HOPS, Math.max(1, Number.parseInt(hops, 10) || 1))
  return focus ? { id: focus, hops: wanted, direction: oneOf<Direction>(DIRECTIONS, dir, 'both') } : null
}

export function boxesOf({ open, closed }: Pick<TopologyState, 'open' | 'closed'>): BoxChoice {
  return { open: namesIn(open), closed: namesIn(closed) }
}

export function boxesPatch({ open, closed }: BoxChoice): Partial<TopologyState> {
  return { open: open.join(','), closed: closed.join(',') }
}

export function togglePatch(
  state: Pick<TopologyState, 'open' | 'closed'>,
  box: string,
  open: boolean,
): Partial<TopologyState> {
  return boxesPatch(toggled(boxesOf(state), box, open))
}

/** A query as it was written, and what is wrong with it; a faulty one asks for nothing. */
export type Parsed = { query: Query | null; error: QueryError | null }

export function parsed(text: string): Parsed {
  try {
    return { query: parse(text), error: null }
  } catch (error) {
    if (error instanceof QueryError) return { query: null, error }
    throw error
  }
}

type Chosen = Pick<TopologyState, 'ns' | 'focus' | 'hops' | 'dir' | 'find' | 'hide' | 'open' | 'closed'>

export function choiceOf(state: Chosen): Choice {
  return {
    namespaces: namesIn(state.ns),
    focus: focusOf(state),
    find: parsed(state.find).query,
    hide: parsed(state.hide).query,
    boxes: boxesOf(state),
  }
}
