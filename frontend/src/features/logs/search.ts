/** A search of the access log: as the page's address holds it, and as the API is asked. */
import type { LogFilters } from '@/api/types'
import { LAST_HOUR, timesOf } from '@/ui/timeRange'

/** All text. `live` follows the log instead of searching it; `line` is the one whose details are open. */
export const BLANK = {
  service: '',
  source: '',
  destination: '',
  code: '',
  flag: '',
  error: '',
  method: '',
  path: '',
  rule: '',
  reporter: '',
  trace_id: '',
  request_id: '',
  ...LAST_HOUR,
  live: '',
  line: '',
}
export type Search = typeof BLANK

const TEXTS = [
  'service',
  'source',
  'destination',
  'flag',
  'method',
  'path',
  'rule',
  'trace_id',
  'request_id',
] as const

const CODE = /^([1-5]\d\d|[1-5]xx|0)$/

/** While somebody types, half a code is not asked for. */
export function isCode(text: string): boolean {
  return CODE.test(text)
}

/** Without the time: what a line must be. */
export function wantedOf(search: Search): LogFilters {
  const given = Object.fromEntries(TEXTS.filter((name) => search[name]).map((name) => [name, search[name]]))
  const { reporter } = search
  return {
    ...given,
    ...(isCode(search.code) ? { code: search.code } : {}),
    ...(search.error === 'true' ? { error: true } : {}),
    ...(reporter === 'source' || reporter === 'destination' ? { reporter } : {}),
  }
}

/** One trace or request is asked for whenever it was. `now` in milliseconds since the epoch. */
export function filtersOf(search: Search, now: number): LogFilters {
  const wanted = wantedOf(search)
  return wanted.trace_id || wanted.request_id ? wanted : { ...wanted, ...timesOf(search, now) }
}

export function isNarrowed(search: Search): boolean {
  return Object.keys(wantedOf(search)).length > 0
}

export const isTraceId = (text: string) => /^[0-9a-f]{32}$/.test(text)
