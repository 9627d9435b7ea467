/** A search for traces: as the page's address holds it, and as the API is asked. */
import type { TraceFilters } from '@/api/types'

/** All text. `range` is one of RANGES; `from` and `to` (ISO) stand in its place when both are there. */
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
  range: '1h',
  from: '',
  to: '',
}
export type Search = typeof BLANK

export const RANGES = { '5m': 300, '15m': 900, '1h': 3600, '6h': 21_600, '24h': 86_400 } as const
export type Range = keyof typeof RANGES

/** Spans arrive within this: what is younger would be found in pieces. */
const ARRIVES_MS = 3000

export function rangeOf({ range }: Pick<Search, 'range'>): Range {
  return range in RANGES ? (range as Range) : '1h'
}

/** `now` in milliseconds since the epoch: when the search was made. */
export function filtersOf(search: Search, now: number): TraceFilters {
  const { service, edge, route, flag, tag } = search
  const texts = { service: edge ? '' : service, edge, route, flag, tag }
  const given = Object.fromEntries(Object.entries(texts).filter(([, text]) => text.trim()))
  return {
    ...given,
    ...numbers(search),
    ...(search.error === 'true' ? { error: true } : {}),
    ...timesOf(search, now),
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

function timesOf(search: Search, now: number): { from: string; to: string } {
  const { from, to } = search
  if (isTime(from) && isTime(to)) return { from, to }
  const until = now - ARRIVES_MS
  return {
    from: new Date(until - RANGES[rangeOf(search)] * 1000).toISOString(),
    to: new Date(until).toISOString(),
  }
}

export function isTime(text: string): boolean {
  return text !== '' && !Number.isNaN(Date.parse(text))
}

/** Whether the search narrows anything but the time. */
export function isNarrowed(search: Search): boolean {
  const { range: _, from: __, to: ___, ...rest } = search
  return Object.values(rest).some(Boolean)
}

export const isTraceId = (text: string) => /^[0-9a-f]{32}$/.test(text)
