/** Access logs and taps as the API gives them. */
import type { components } from './schema'

type Schemas = components['schemas']

export type LogLine = Schemas['LogView']
export type Logging = Schemas['LoggingView']
export type LoggingMode = Logging['mode']

/** What a line must be to be found. `from` and `to` are ISO times; live topics have none. */
export type LogFilters = {
  service?: string
  source?: string
  destination?: string
  code?: string
  flag?: string
  error?: boolean
  method?: string
  path?: string
  rule?: string
  reporter?: LogLine['reporter']
  min_ms?: number
  trace_id?: string
  request_id?: string
  from?: string
  to?: string
}

export type Tap = Schemas['TapView']
export type TapBody = Schemas['TapBody']

/** Of the topic `tap:{id}`. */
export type TapCounts = {
  matched: number
  received: number
  dropped_by_proxies: number
  dropped_by_collector: number
  proxies: number
  refused: { proxy: string; error: string }[]
}
/** `n` counts from 1 without gaps. */
export type TapRecord = {
  n: number
  request: LogLine
  target: string
  request_headers: [name: string, value: string][]
  response_headers: [name: string, value: string][]
  cut: boolean
}
export type TapMessage = { tap: Tap; counts: TapCounts; records: TapRecord[] }
