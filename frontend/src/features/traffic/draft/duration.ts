/** Durations as people write them: "250 ms", "2 s", "1.5 min". The rules hold milliseconds. */

const UNITS = [
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
  ['ms', 1],
] as const
const FACTOR: Record<string, number> = { ...Object.fromEntries(UNITS), m: 60_000, '': 1 }
const WRITTEN = /^(\d+(?:[.,]\d+)?)\s*(h|min|m|s|ms|)$/

/** In the largest unit that needs at most two decimals: 15000 is "15 s", 90000 is "1.5 min". */
export function writeDuration(ms: number): string {
  const [unit, factor] =
    UNITS.find(([, each]) => ms >= each && Number.isInteger((ms / each) * 100)) ?? (['ms', 1] as const)
  return `${Number((ms / factor).toFixed(2))} ${unit}`
}

/** As in "100 per s", "100 per 5 min". */
export const writePer = (ms: number): string => writeDuration(ms).replace(/^1 /, '')

/** Whole milliseconds, or null for what is no duration. A bare number is milliseconds. */
export function readDuration(text: string): number | null {
  const [, number = '', unit = ''] = WRITTEN.exec(text.trim().toLowerCase()) ?? []
  if (!number) return null
  return Math.round(Number(number.replace(',', '.')) * (FACTOR[unit] ?? 1))
}
