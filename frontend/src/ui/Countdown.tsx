import { formatAbsolute, formatCountdown, formatSpan, NONE } from './format'
import { useNow } from './useNow'
import { useText } from './useText'

/** Longer than this is said in days alone. */
const DAYS_FROM_MS = 48 * 3_600_000

/** The time that is left until a moment, with the absolute time on hover; none where it is past. */
export function Countdown({ to }: { to: string | null | undefined }) {
  useText()
  const now = useNow()
  if (!to) return <span>{NONE}</span>
  const left = new Date(to).getTime() - now
  return (
    <time dateTime={to} title={formatAbsolute(to)} className="nowrap">
      {left <= 0 ? NONE : left >= DAYS_FROM_MS ? formatSpan(left / 1000) : formatCountdown(left)}
    </time>
  )
}
