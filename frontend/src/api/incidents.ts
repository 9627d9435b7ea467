/** Alerts, objectives and the overview: their queries and the calls that change them. */
import { infiniteQueryOptions, keepPreviousData, queryOptions, useQuery } from '@tanstack/react-query'
import { body, client, tagged } from './client'
import { merge } from './graphDiff'
import { cursorOf, everyPage, MAX_PAGE } from './pages'
import { servicePath } from './queries'
import type { Alert, BudgetSpan, NewReceiver, NewSilence, ObjectiveBody } from './types'
import { update, usePollInterval, useTopic } from './useLive'

/** Keys that a write makes stale. */
export const ALERTS = 'alerts'
export const OBJECTIVES = 'objectives'

const OVERVIEW_EVERY_MS = 5000
/** Rollups come every ten seconds. */
const COUNTED_EVERY_MS = 10_000
const STEP_MS = 30_000

export type AlertFilters = { state: 'firing' | 'pending' | 'resolved'; namespace?: string; service?: string }
export type NoticeState = 'all' | 'failed' | 'trying' | 'sent'

export const incidentQueries = {
  overview: () =>
    queryOptions({
      queryKey: ['overview'],
      queryFn: () => body(client.GET('/api/v1/overview/')),
      refetchInterval: OVERVIEW_EVERY_MS,
    }),
  firing: () =>
    queryOptions({
      queryKey: [ALERTS, 'firing'],
      queryFn: () =>
        everyPage((cursor) =>
          body(client.GET('/api/v1/alerts/', { params: { query: { cursor, page_size: MAX_PAGE } } })),
        ),
    }),
  list: (filters: AlertFilters) =>
    infiniteQueryOptions({
      queryKey: [ALERTS, 'list', filters],
      queryFn: ({ pageParam: cursor }) =>
        body(client.GET('/api/v1/alerts/', { params: { query: { ...filters, cursor } } })),
      initialPageParam: undefined as string | undefined,
      getNextPageParam: ({ next }) => cursorOf(next),
      refetchInterval: OVERVIEW_EVERY_MS,
    }),
  silences: () =>
    queryOptions({
      queryKey: [ALERTS, 'silences'],
      queryFn: () =>
        everyPage((cursor) =>
          body(
            client.GET('/api/v1/alerts/silences/', { params: { query: { cursor, page_size: MAX_PAGE } } }),
          ),
        ),
      refetchInterval: OVERVIEW_EVERY_MS,
    }),
  receivers: () =>
    queryOptions({
      queryKey: [ALERTS, 'receivers'],
      queryFn: () =>
        everyPage((cursor) =>
          body(
            client.GET('/api/v1/alerts/receivers/', { params: { query: { cursor, page_size: MAX_PAGE } } }),
          ),
        ),
    }),
  notices: (state: NoticeState) =>
    infiniteQueryOptions({
      queryKey: [ALERTS, 'notices', state],
      queryFn: ({ pageParam: cursor }) =>
        body(client.GET('/api/v1/alerts/notices/', { params: { query: { state, cursor } } })),
      initialPageParam: undefined as string | undefined,
      getNextPageParam: ({ next }) => cursorOf(next),
      refetchInterval: OVERVIEW_EVERY_MS,
    }),
  objectives: () =>
    queryOptions({
      queryKey: [OBJECTIVES],
      queryFn: () =>
        everyPage((cursor) =>
          body(client.GET('/api/v1/objectives/', { params: { query: { cursor, page_size: MAX_PAGE } } })),
        ),
      refetchInterval: COUNTED_EVERY_MS,
    }),
  objective: (service: string) =>
    queryOptions({
      queryKey: [OBJECTIVES, service],
      queryFn: () =>
        tagged(
          client.GET('/api/v1/services/{ns}/{name}/objectives/', { params: { path: servicePath(service) } }),
        ),
      refetchInterval: COUNTED_EVERY_MS,
    }),
  budgetHistory: (service: string, span: BudgetSpan) =>
    queryOptions({
      queryKey: [OBJECTIVES, service, 'history', span],
      queryFn: () =>
        body(
          client.GET('/api/v1/services/{ns}/{name}/objectives/history/', {
            params: { path: servicePath(service), query: { span } },
          }),
        ),
      refetchInterval: 2 * STEP_MS,
      placeholderData: keepPreviousData,
    }),
  sparklines: () =>
    queryOptions({
      queryKey: ['sparklines'],
      queryFn: () => body(client.GET('/api/v1/metrics/services/')),
      refetchInterval: STEP_MS,
    }),
}

/** The alerts that fire, as they begin and end; the newest first. */
export function useFiringAlerts() {
  const options = incidentQueries.firing()
  useTopic('alerts', {}, (message, cache) => {
    if (message.kind === 'state') {
      cache.setQueryData(options.queryKey, message.data as Alert[])
      return
    }
    const { changed, removed } = message.data as { changed: Alert[]; removed: string[] }
    update<Alert[]>(cache, options.queryKey, (old) => merge(old, changed, removed))
    cache.invalidateQueries({ queryKey: [ALERTS, 'list'] })
  })
  return useQuery({ ...options, refetchInterval: usePollInterval(), select: newestFirst })
}

const newestFirst = (alerts: Alert[]) => [...alerts].sort((a, b) => b.since.localeCompare(a.since))

export function createSilence(silence: NewSilence) {
  return body(client.POST('/api/v1/alerts/silences/', { body: silence }))
}

export function endSilence(id: string) {
  const params = { path: { silence_id: Number(id) } }
  return body(client.DELETE('/api/v1/alerts/silences/{silence_id}/', { params }))
}

export function createReceiver(receiver: NewReceiver) {
  return body(client.POST('/api/v1/alerts/receivers/', { body: receiver }))
}

export function deleteReceiver(id: string) {
  const params = { path: { receiver_id: Number(id) } }
  return body(client.DELETE('/api/v1/alerts/receivers/{receiver_id}/', { params }))
}

/** What went wrong with a test; empty where the receiver took it. */
export async function testReceiver(id: string): Promise<string> {
  const params = { path: { receiver_id: Number(id) } }
  return (await body(client.POST('/api/v1/alerts/receivers/{receiver_id}/test/', { params }))).error
}

/** `etag` is of what the promise replaces. */
export function setObjectives(service: string, promise: ObjectiveBody, etag: string) {
  return body(
    client.PUT('/api/v1/services/{ns}/{name}/objectives/', {
      params: { path: servicePath(service), header: { 'If-Match': etag } },
      body: promise,
    }),
  )
}
