/** A search for traces: as the page's address holds it, and as the API is asked. */
import type { TraceFilters } from '@/api/types'
import { LAST_HOUR, timesOf } from '@/ui/timeRange'

export const BLANK = {
  service: '',
  edge: '',
  route: '',
  min: '',
  max: '',
  error: '',
  code: '',
  flag: '',
  tag: '',
  ...LAST_HOUR,
}
export type Search = typeof BLANK

/** Spans arrive within this: what is younger would be found in pieces. */
const ARRIVES_MS = 3000

/** `now` in milliseconds since the epoch: when the search was made. */
export function filtersOf(search: Search, now: number): TraceFilters {
  const { service, edge, route, flag, tag } = search
  const texts = { service: edge ? '' : service, edge, route, flag, tag }
  const given = Object.fromEntries(Object.entries(texts).filter(([, text]) => text.trim()))
  return {
    ...given,
    ...numbers(search),
    ...(search.error === 'true' ? { error: true } : {}),
    ...timesOf(search, now - ARRIVES_MS),
  }
}

function numbers({ min, max, code }: Search): Pick<TraceFilters, 'min_ms' | 'max_ms' | 'code'> {
  const given = [
    ['min_ms', min],
    ['max_ms', max],
    ['code', code],
  ].filter(([, text]) => text !== '' && Number.isFinite(Number(text)))
  return Object.fromEntries(given.map(([name, text]) => [name, Number(text)]))
}

/** Whether the search narrows anything but the time. */
export function isNarrowed(search: Search): boolean {
  const { range: _, from: __, to: ___, ...rest } = search
  return Object.values(rest).some(Boolean)
}

export const isTraceId = (text: string) => /^[0-9a-f]{32}$/.test(text)
