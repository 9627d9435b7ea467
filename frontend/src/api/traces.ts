/** Traces: their queries, and how much is traced. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query'
import { body, client, tagged } from './client'
import { cursorOf } from './pages'
import type { TraceFilters, Tracing } from './types'

const TRACES = 'traces'
const PAGE = 50
/** Spans of a trace that ended a moment ago are still on their way. */
const SETTLES_MS = 10_000
const SETTLING_EVERY_MS = 2000

/** Which requests: those of a service, or those of an edge. */
export type Subject = { service: string } | { edge: string }

export const traceQueries = {
  list: (filters: TraceFilters) =>
    infiniteQueryOptions({
      queryKey: [TRACES, 'list', filters],
      queryFn: ({ pageParam: cursor }) =>
        body(client.GET('/api/v1/traces/', { params: { query: { ...filters, cursor, page_size: PAGE } } })),
      initialPageParam: undefined as string | undefined,
      getNextPageParam: ({ next }) => cursorOf(next),
      placeholderData: keepPreviousData,
    }),
  points: (filters: TraceFilters) =>
    queryOptions({
      queryKey: [TRACES, 'points', filters],
      queryFn: () => body(client.GET('/api/v1/traces/points/', { params: { query: filters } })),
      placeholderData: keepPreviousData,
    }),
  one: (id: string) =>
    queryOptions({
      queryKey: [TRACES, 'one', id],
      queryFn: () => body(client.GET('/api/v1/traces/{trace_id}/', { params: { path: { trace_id: id } } })),
      refetchInterval: ({ state: { data } }) => {
        const ended = data ? Date.parse(data.start) + data.duration_ms : 0
        return Date.now() - ended < SETTLES_MS ? SETTLING_EVERY_MS : false
      },
    }),
  /** Example requests between two moments in Unix seconds: failed ones first, then the slowest. */
  exemplars: (subject: Subject, from: number, to: number, limit: number) =>
    queryOptions({
      queryKey: [TRACES, 'exemplars', subject, from, to, limit],
      queryFn: () =>
        body(
          client.GET('/api/v1/traces/exemplars/', {
            params: { query: { ...subject, from: String(from), to: String(to), limit } },
          }),
        ),
    }),
  settings: () =>
    queryOptions({
      queryKey: [TRACES, 'settings'],
      queryFn: () => tagged(client.GET('/api/v1/traces/settings/')),
    }),
}

export type TracingValue = Pick<Tracing, 'enabled' | 'percent' | 'errors' | 'link'>

export async function writeTracing(value: TracingValue, etag: string, reason: string): Promise<Tracing> {
  const params = { header: { 'If-Match': etag } }
  return body(client.PUT('/api/v1/traces/settings/', { params, body: { ...value, reason } }))
}
