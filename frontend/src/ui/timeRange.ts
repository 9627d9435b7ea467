/** The time that a search is of: so far back from now, or between two moments. */

/** Seconds. */
export const RANGES = { '5m': 300, '15m': 900, '1h': 3600, '6h': 21_600, '24h': 86_400 } as const
export type Range = keyof typeof RANGES

/** All text, as an address holds it. `from` and `to` (ISO) stand in place of `range` when both are there. */
export type Times = { range: string; from: string; to: string }
export const LAST_HOUR: Times = { range: '1h', from: '', to: '' }

export function rangeOf({ range }: Pick<Times, 'range'>): Range {
  return range in RANGES ? (range as Range) : '1h'
}

export function isBetween({ from, to }: Times): boolean {
  return isTime(from) && isTime(to)
}

function isTime(text: string): boolean {
  return text !== '' && !Number.isNaN(Date.parse(text))
}

/** ISO times. `until` in milliseconds since the epoch: where a range ends. */
export function timesOf(times: Times, until: number): { from: string; to: string } {
  if (isBetween(times)) return { from: times.from, to: times.to }
  return {
    from: new Date(until - RANGES[rangeOf(times)] * 1000).toISOString(),
    to: new Date(until).toISOString(),
  }
}
