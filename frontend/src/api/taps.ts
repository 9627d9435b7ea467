/** Taps: their queries, what starts and stops them, and the requests of one as they pass. */
import { queryOptions, useQuery } from '@tanstack/react-query'
import { body, client } from './client'
import type { Tap, TapBody, TapMessage, TapRecord } from './types'
import { useTopic } from './useLive'

const TAPS = 'taps'
const LISTED = 20
const LIST_EVERY_MS = 5000
/** What a browser keeps of a tap that may run for an hour. */
export const TAP_RECORDS = 1000

export const tapQueries = {
  list: () =>
    queryOptions({
      queryKey: [TAPS, 'list'],
      queryFn: async () =>
        (await body(client.GET('/api/v1/taps/', { params: { query: { page_size: LISTED } } }))).results,
      refetchInterval: LIST_EVERY_MS,
    }),
  one: (id: string) =>
    queryOptions({
      queryKey: [TAPS, 'one', id],
      queryFn: () => body(client.GET('/api/v1/taps/{tap_id}/', { params: { path: { tap_id: Number(id) } } })),
    }),
}

export async function startTap(asked: TapBody): Promise<Tap> {
  return body(client.POST('/api/v1/taps/', { body: asked }))
}

export async function stopTap(id: string): Promise<Tap> {
  return body(client.DELETE('/api/v1/taps/{tap_id}/', { params: { path: { tap_id: Number(id) } } }))
}

/** What has come of a tap. `records` are newest first; `lost` never reached this browser. */
export type Watched = Omit<TapMessage, 'records'> & { records: TapRecord[]; lost: number; last: number }

/** Add what a message brought: each record once, and the gap before it as lost. */
export function watched(known: Watched | undefined, { tap, counts, records }: TapMessage): Watched {
  const last = known?.last ?? 0
  const fresh = records.filter(({ n }) => n > last)
  const first = fresh[0]
  const gap = known && first ? first.n - last - 1 : 0
  return {
    tap,
    counts,
    records: [...fresh.reverse(), ...(known?.records ?? [])].slice(0, TAP_RECORDS),
    lost: (known?.lost ?? 0) + gap,
    last: fresh[0]?.n ?? last,
  }
}

/** Watching is what keeps a tap alive: where this is not mounted, or the tab is hidden, it ends. */
export function useTapLive(id: string): Watched | undefined {
  const key = [TAPS, 'watched', id]
  useTopic(`tap:${id}`, {}, ({ data }, cache) =>
    cache.setQueryData<Watched>(key, (known) => watched(known, data as TapMessage)),
  )
  return useQuery<Watched | undefined>({
    queryKey: key,
    queryFn: () => undefined,
    enabled: false,
    gcTime: 0,
  }).data
}
