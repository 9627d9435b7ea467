/** Traces as the API gives them. */
import type { components } from './schema'

type Schemas = components['schemas']

export type TraceSummary = Schemas['TraceSummary']
export type TracePoint = Schemas['TracePoint']
export type TracePoints = Schemas['TracePoints']
/** The schema cannot say what attributes hold. */
type Attributes = { attributes: Record<string, unknown> }
export type Span = Omit<Schemas['TraceSpan'], 'attributes' | 'events'> &
  Attributes & { events: (Omit<Schemas['SpanEvent'], 'attributes'> & Attributes)[] }
export type Trace = Omit<Schemas['TraceDetail'], 'spans'> & { spans: Span[] }
export type Decisions = Schemas['Decisions']
export type Exemplar = Schemas['Exemplar']
export type Tracing = Schemas['TracingView']

/** What one span of a trace must be for the trace to be found. `from` and `to` are ISO times. */
export type TraceFilters = {
  service?: string
  edge?: string
  route?: string
  min_ms?: number
  max_ms?: number
  error?: boolean
  code?: number
  flag?: string
  tag?: string
  from: string
  to: string
}
