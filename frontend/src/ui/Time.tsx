import { formatAbsolute, formatRelative, NONE } from './format'
import { useNow } from './useNow'
import { useText } from './useText'

/** A moment: relative, with the absolute time on hover. */
export function Time({ at }: { at: string | null | undefined }) {
  useText()
  const now = useNow(5000)
  if (!at) return <span>{NONE}</span>
  return (
    <time dateTime={at} title={formatAbsolute(at)} className="nowrap">
      {formatRelative(at, now)}
    </time>
  )
}
