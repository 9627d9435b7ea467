/** Access logs: search, the live tail, and what is logged. */
import { infiniteQueryOptions, keepPreviousData, queryOptions, useQuery } from '@tanstack/react-query'
import { body, client, tagged } from './client'
import type { LiveParams } from './live'
import { cursorOf } from './pages'
import type { LogFilters, Logging, LogLine } from './types'
import { useTopic } from './useLive'

const LOGS = 'logs'
const PAGE = 100
/** What a browser keeps of a log that never ends. */
export const LIVE_LINES = 500

export const logQueries = {
  list: (filters: LogFilters) =>
    infiniteQueryOptions({
      queryKey: [LOGS, 'list', filters],
      queryFn: ({ pageParam: cursor }) =>
        body(client.GET('/api/v1/logs/', { params: { query: { ...filters, cursor, page_size: PAGE } } })),
      initialPageParam: undefined as string | undefined,
      getNextPageParam: ({ next }) => cursorOf(next),
      placeholderData: keepPreviousData,
    }),
  settings: () =>
    queryOptions({
      queryKey: [LOGS, 'settings'],
      queryFn: () => tagged(client.GET('/api/v1/logs/settings/')),
    }),
}

export type LoggingValue = Pick<Logging, 'mode' | 'percent' | 'collected'>

export async function writeLogging(value: LoggingValue, etag: string, reason: string): Promise<Logging> {
  const params = { header: { 'If-Match': etag } }
  return body(client.PUT('/api/v1/logs/settings/', { params, body: { ...value, reason } }))
}

/** Newest first. `skipped`: the server left some out since it was asked. */
export type LiveLog = { lines: LogLine[]; skipped: boolean }
type LogMessage = { logs: LogLine[]; skipped?: boolean }

const NOTHING: LiveLog = { lines: [], skipped: false }

/** The newest lines as they come, while `filters` are given. */
export function useLogsLive(filters: LogFilters | null): LiveLog | undefined {
  const params: LiveParams = Object.fromEntries(
    Object.entries(filters ?? {}).map(([name, value]) => [name, String(value)]),
  )
  const key = [LOGS, 'live', params]
  useTopic(filters ? LOGS : null, params, ({ kind, data }, cache) => {
    const { logs, skipped = false } = data as LogMessage
    cache.setQueryData<LiveLog>(key, (known = NOTHING) =>
      kind === 'state' ? { lines: logs, skipped: false } : tailed(known, logs, skipped),
    )
  })
  return useQuery<LiveLog>({ queryKey: key, queryFn: () => NOTHING, enabled: false }).data
}

export function tailed(known: LiveLog, logs: readonly LogLine[], skipped: boolean): LiveLog {
  return { lines: [...logs, ...known.lines].slice(0, LIVE_LINES), skipped: known.skipped || skipped }
}
