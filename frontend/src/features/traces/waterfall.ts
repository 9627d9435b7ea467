/** What the waterfall shows of a trace: rows, where the time went, what is missing. Pure. */
import type { Span, Trace } from '@/api/types'

export type Row = { span: Span; children: number; folded: boolean }
/** Milliseconds from the trace's start. */
export type Interval = readonly [from: number, to: number]
export type Share = { service: string; ms: number; share: number }

const endOf = (span: Span) => span.offset_ms + span.duration_ms

export function childrenOf(spans: readonly Span[]): Map<string | null, Span[]> {
  const children = new Map<string | null, Span[]>()
  for (const span of spans) {
    const siblings = children.get(span.parent_id)
    if (siblings) siblings.push(span)
    else children.set(span.parent_id, [span])
  }
  return children
}

/** The rows in sight: what lies below a folded span is not. `spans` have parents before their children. */
export function rowsOf(spans: readonly Span[], folded: ReadonlySet<string>): Row[] {
  const children = childrenOf(spans)
  const rows: Row[] = []
  let hiddenBelow = Number.POSITIVE_INFINITY
  for (const span of spans) {
    if (span.depth > hiddenBelow) continue
    const isFolded = folded.has(span.span_id)
    hiddenBelow = isFolded ? span.depth : Number.POSITIVE_INFINITY
    rows.push({ span, children: children.get(span.span_id)?.length ?? 0, folded: isFolded })
  }
  return rows
}

/** How long a span lasted while none of its children did. */
export function selfTime(span: Span, children: readonly Span[]): number {
  let covered = 0
  let reached = span.offset_ms
  for (const child of [...children].sort((a, b) => a.offset_ms - b.offset_ms)) {
    const from = Math.max(reached, child.offset_ms)
    const to = Math.min(endOf(child), endOf(span))
    if (to <= from) continue
    covered += to - from
    reached = to
  }
  return span.duration_ms - covered
}

/**
 * The spans that the end of the trace waited for, and when: shortening any other would not have made it faster.
 * Walks back from the end of the first root; of several children the one that ended last was waited for.
 */
export function criticalPath(spans: readonly Span[]): Map<string, Interval[]> {
  const children = childrenOf(spans)
  const path = new Map<string, Interval[]>()
  const add = (span: Span, from: number, to: number) => {
    if (to > from) path.set(span.span_id, [[from, to], ...(path.get(span.span_id) ?? [])])
  }
  const walk = (span: Span, until: number) => {
    let cursor = Math.min(until, endOf(span))
    const lastFirst = [...(children.get(span.span_id) ?? [])].sort((a, b) => endOf(b) - endOf(a))
    for (const child of lastFirst) {
      const end = Math.min(endOf(child), cursor)
      if (child.offset_ms >= end || end <= span.offset_ms) continue
      add(span, end, cursor)
      walk(child, end)
      cursor = Math.max(span.offset_ms, child.offset_ms)
    }
    add(span, span.offset_ms, cursor)
  }
  if (spans[0]) walk(spans[0], endOf(spans[0]))
  return path
}

/** Whose time it was that was waited for, the longest first. */
export function timeByService(spans: readonly Span[], path: ReadonlyMap<string, Interval[]>): Share[] {
  const children = childrenOf(spans)
  const waited = new Map<string, number>()
  for (const span of spans) {
    const ms = (path.get(span.span_id) ?? []).reduce((sum, [from, to]) => sum + to - from, 0)
    if (ms === 0) continue
    const service = timeOwner(span, children)
    waited.set(service, (waited.get(service) ?? 0) + ms)
  }
  const total = [...waited.values()].reduce((sum, ms) => sum + ms, 0)
  return [...waited]
    .map(([service, ms]) => ({ service, ms, share: total ? ms / total : 0 }))
    .sort((a, b) => b.ms - a.ms)
}

/** A call that nobody else tells of was spent at whom it called. */
function timeOwner(span: Span, children: ReadonlyMap<string | null, Span[]>): string {
  const { peer, service } = isTry(span) ? (parentOf(span, children) ?? span) : span
  if (!peer) return service
  const below = (id: string): boolean =>
    (children.get(id) ?? []).some((child) => child.service !== service || below(child.span_id))
  return below(isTry(span) ? (span.parent_id ?? '') : span.span_id) ? service : peer
}

function parentOf(span: Span, children: ReadonlyMap<string | null, Span[]>): Span | undefined {
  for (const siblings of children.values()) {
    const parent = siblings.find(({ span_id }) => span_id === span.parent_id)
    if (parent) return parent
  }
  return undefined
}

/** A try of a request: its proxy tells of each where there were several. */
export function isTry(span: Span): boolean {
  return span.reporter === 'proxy' && 'meshui.outcome' in span.attributes
}

/** The tries of a request in their order, and what came of each. */
export function triesOf(span: Span, children: readonly Span[]): Span[] {
  return children.filter((child) => child.parent_id === span.span_id && isTry(child))
}

/** The request that failed deepest: where to look first. */
export function firstFault(spans: readonly Span[]): Span | undefined {
  let deepest: Span | undefined
  for (const span of spans)
    if (span.error && !isTry(span) && span.depth > (deepest?.depth ?? -1)) deepest = span
  return deepest
}

/** Which colour a service has in this trace: the order in which it first appears. */
export function serviceOrder(spans: readonly Span[]): Map<string, number> {
  const order = new Map<string, number>()
  for (const { service } of spans) if (!order.has(service)) order.set(service, order.size)
  return order
}

export const countOrphans = ({ spans }: Trace) => spans.filter(({ orphan }) => orphan).length

/** What lies outside by less is how finely both ends look at their clocks. */
const CLOCK_MS = 1

/** Begins before its parent, or ends after it: two clocks, or work that went on by itself. */
export function outsideParent(span: Span, parent: Span | undefined): 'before' | 'after' | null {
  if (!parent) return null
  if (span.offset_ms < parent.offset_ms - CLOCK_MS) return 'before'
  return endOf(span) > endOf(parent) + CLOCK_MS ? 'after' : null
}

/** Where a bar stands within a window of time, as shares of its width; null outside of it. */
export function placed(at: Interval, window: Interval): { left: number; width: number } | null {
  const span = window[1] - window[0] || 1
  const from = Math.max(at[0], window[0])
  const to = Math.min(at[1], window[1])
  if (to < from) return null
  return { left: (from - window[0]) / span, width: (to - from) / span }
}

const NICE = [1, 2, 5, 10]
/** The label of a tick takes this share of the width. */
const LABEL = 0.1

/** Round moments inside a window, few enough for their labels to stand apart. */
export function ticks([from, to]: Interval, most: number): number[] {
  const rough = (to - from) / most
  if (!(rough > 0)) return [from]
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = power * (NICE.find((nice) => nice * power >= rough) ?? 10)
  const first = Math.ceil((from - step / 1e6) / step)
  const last = Math.floor((to - (to - from) * LABEL) / step)
  return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step)
}
