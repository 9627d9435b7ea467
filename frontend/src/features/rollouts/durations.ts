/** Durations as people write them: "30s", "1h30m", or ISO 8601 ("PT5M"). Inside they are milliseconds. */

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
] as const
const UNIT_MS: Record<string, number> = { w: 604_800_000, ms: 1, ...Object.fromEntries(UNITS) }
const NUMBER = String.raw`\d{1,9}(?:\.\d{1,3})?`
const SHORT = new RegExp(`^(?:${NUMBER}(?:ms|[wdhms]))+$`)
const ISO = new RegExp(
  `^P(?=.)(?:${NUMBER}W)?(?:${NUMBER}D)?(?:T(?=.)(?:${NUMBER}H)?(?:${NUMBER}M)?(?:${NUMBER}S)?)?$`,
)
const PART = new RegExp(`(${NUMBER})(ms|[a-z])`, 'g')

/** Milliseconds, or null for what is no duration. */
export function parseDuration(text: string): number | null {
  const trimmed = text.trim()
  if (!SHORT.test(trimmed) && !ISO.test(trimmed)) return null
  return [...trimmed.toLowerCase().matchAll(PART)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * (UNIT_MS[unit ?? ''] ?? 0),
    0,
  )
}

/** The shortest way to write it; `parseDuration` reads it back. */
export function spellDuration(ms: number): string {
  if (ms % 1000) return `${ms}ms`
  let rest = ms
  let text = ''
  for (const [unit, size] of UNITS) {
    const count = Math.floor(rest / size)
    if (count) text += `${count}${unit}`
    rest -= count * size
  }
  return text || '0s'
}

const NBSP = '\u00a0'

/** For reading, two units at most: "45 s", "1 min 30 s", "2 h 5 min". */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 60) return `${seconds}${NBSP}s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 10 && seconds % 60) return `${minutes}${NBSP}min ${seconds % 60}${NBSP}s`
  if (minutes < 60) return `${Math.round(seconds / 60)}${NBSP}min`
  const hours = Math.floor(minutes / 60)
  if (hours >= 48) return `${Math.round(hours / 24)}${NBSP}d`
  return minutes % 60 ? `${hours}${NBSP}h ${minutes % 60}${NBSP}min` : `${hours}${NBSP}h`
}

/** Where there is room for one unit only. */
export function formatRough(ms: number): string {
  return ms < 60_000 ? formatDuration(ms) : formatDuration(Math.round(ms / 60_000) * 60_000)
}
