/** Numbers and times as the dashboard writes them: three significant digits, always a unit. */
import { currentLocale } from '@/text'

/** Shown where there is no number; never a zero that was not measured. */
export const NONE = '–'
const NBSP = '\u00a0'

/** What is smaller is only said to be so. */
const LEAST = 0.01

type Maybe = number | null | undefined

function significant(value: number): string {
  if (value === 0) return '0'
  const large = Math.abs(value) >= 999.5
  return new Intl.NumberFormat(currentLocale(), {
    minimumSignificantDigits: large ? undefined : 3,
    maximumSignificantDigits: large ? undefined : 3,
    maximumFractionDigits: large ? 0 : undefined,
    useGrouping: false,
  }).format(value)
}

function scaled(value: number, step: number, units: readonly string[]): string {
  let index = 0
  let rest = value
  while (Math.abs(rest) >= step * 0.9995 && index < units.length - 1) {
    rest /= step
    index += 1
  }
  return `${significant(rest)}${NBSP}${units[index]}`
}

function lessThanLeast(): string {
  return `<${NBSP}${new Intl.NumberFormat(currentLocale()).format(LEAST)}`
}

/** Requests a second. */
export function formatRate(rps: Maybe): string {
  if (rps == null) return NONE
  if (rps > 0 && rps < LEAST) return `${lessThanLeast()}${NBSP}rps`
  return scaled(rps, 1000, ['rps', 'krps', 'Mrps'])
}

/** TCP connections a second. */
export function formatConnections(perSecond: Maybe): string {
  if (perSecond == null) return NONE
  if (perSecond > 0 && perSecond < LEAST) return `${lessThanLeast()}${NBSP}conn/s`
  return scaled(perSecond, 1000, ['conn/s', 'kconn/s', 'Mconn/s'])
}

/** A duration given in milliseconds. */
export function formatMs(ms: Maybe): string {
  if (ms == null) return NONE
  if (ms > 0 && ms < 1) return `${significant(ms * 1000)}${NBSP}µs`
  return scaled(ms, 1000, ['ms', 's'])
}

/** A share between 0 and 1. */
export function formatShare(share: Maybe): string {
  if (share == null) return NONE
  const percent = share * 100
  if (percent > 0 && percent < LEAST) return `${lessThanLeast()}${NBSP}%`
  if (percent >= 99.95) return `100${NBSP}%`
  return `${significant(percent)}${NBSP}%`
}

/** Of a hundred, as many digits as it has, up to three behind the point: 99.95 is not 100. */
export function formatPercent(percent: number): string {
  return new Intl.NumberFormat(currentLocale(), { maximumFractionDigits: 3 }).format(percent)
}

/** How many times as much. */
export function formatFactor(factor: Maybe): string {
  if (factor == null) return NONE
  const digits = factor < 10 ? 2 : factor < 100 ? 1 : 0
  return `${new Intl.NumberFormat(currentLocale(), { maximumFractionDigits: digits }).format(factor)}×`
}

/** A whole per cent, as weights are. */
export function formatWeight(weight: number): string {
  return `${weight}${NBSP}%`
}

export function formatBytes(bytes: Maybe): string {
  return bytes == null ? NONE : scaled(bytes, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB'])
}

export function formatBytesPerSecond(bytes: Maybe): string {
  return bytes == null ? NONE : `${formatBytes(bytes)}/s`
}

export function formatCount(count: Maybe): string {
  return count == null ? NONE : new Intl.NumberFormat(currentLocale()).format(count)
}

const SPANS = [
  [86_400, 'day'],
  [3600, 'hour'],
  [60, 'minute'],
  [1, 'second'],
] as const

/** A length of time in its largest whole unit: "5 min", "3 hr". */
export function formatSpan(seconds: Maybe): string {
  if (seconds == null) return NONE
  const [size, unit] = SPANS.find(([least]) => seconds >= least) ?? [1, 'second' as const]
  return new Intl.NumberFormat(currentLocale(), {
    style: 'unit',
    unit,
    unitDisplay: 'short',
    maximumFractionDigits: 0,
  }).format(Math.floor(seconds / size))
}

/** A countdown that does not jump: "0:34", "12:05", "1:02:00". */
export function formatCountdown(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000))
  const two = (count: number) => String(count).padStart(2, '0')
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60]
  return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`
}

const CLOCK_SKEW_S = 10
const STEPS: [limit: number, size: number, unit: Intl.RelativeTimeFormatUnit][] = [
  [60, 1, 'second'],
  [3600, 60, 'minute'],
  [86400, 3600, 'hour'],
  [Number.POSITIVE_INFINITY, 86400, 'day'],
]

/** "3 min ago", "in 2 days", "now". A moment just ahead is a clock that runs ahead, and means now. */
export function formatRelative(iso: string, now: number): string {
  const ahead = (new Date(iso).getTime() - now) / 1000
  const seconds = ahead > 0 && ahead < CLOCK_SKEW_S ? 0 : ahead
  const [, size, unit] = STEPS.find(([limit]) => Math.abs(seconds) < limit) ?? [0, 1, 'second' as const]
  const count = Math.trunc(seconds / size)
  const numeric = count === 0 ? 'auto' : 'always'
  return new Intl.RelativeTimeFormat(currentLocale(), { numeric, style: 'short' }).format(count, unit)
}

export function formatAbsolute(iso: string): string {
  return new Intl.DateTimeFormat(currentLocale(), { dateStyle: 'medium', timeStyle: 'medium' }).format(
    new Date(iso),
  )
}

export function formatClock(iso: string): string {
  return new Intl.DateTimeFormat(currentLocale(), { hour: '2-digit', minute: '2-digit' }).format(
    new Date(iso),
  )
}
