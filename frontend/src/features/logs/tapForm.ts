/** A tap that is being asked for: as the page's address begins it, as it is edited, and as the API takes it. */
import type { Tap, TapBody } from '@/api/types'
import type { Translate } from '@/text'

/** What a link may begin a tap with. */
export const LINKED = { source: '', destination: '' }

export type TapDraft = TapBody
export const MINUTES = [1, 10, 30, 60]

export function draftOf({ source, destination }: typeof LINKED): TapDraft {
  return {
    source,
    destination,
    side: '',
    method: '',
    path: '',
    code: '',
    flag: '',
    header: '',
    value: '',
    rate: 10,
    percent: 100,
    seconds: 600,
    redact: [],
    reason: '',
  }
}

/** The same once more. */
export function draftFrom(tap: Tap): TapDraft {
  const { source, destination, side, method, path, code, flag, header, value, rate, percent, redact } = tap
  const again = { source, destination, side, method, path, code, flag, header, value, rate, percent, redact }
  return { ...draftOf({ source, destination }), ...again } as TapDraft
}

/** Whether any filter but the two sides is set, so that it must be seen. */
export function isFiltered({ method, path, code, flag, header, redact }: TapDraft): boolean {
  return [method, path, code, flag, header].some(Boolean) || redact.length > 0
}

type Tapped = Pick<
  TapDraft,
  'source' | 'destination' | 'method' | 'path' | 'code' | 'flag' | 'header' | 'value'
>

/** "requests from a to b, POST /cart/*, 5xx" */
export function whatWords(tapped: Tapped, t: Translate): string {
  const name = (service: string) => (service === 'unknown' ? t('logs.outside') : service)
  const source = name(tapped.source)
  const destination = name(tapped.destination)
  const { method, path, code, flag, header, value } = tapped
  const sides = source && destination ? 'edge' : source ? 'from' : destination ? 'any' : ('nothing' as const)
  const filters = [
    [method, path].filter(Boolean).join(' '),
    code,
    flag,
    header && `${header}: ${value || t('taps.value.any')}`,
  ]
  return [t(`taps.what.${sides}`, { source, destination }), ...filters.filter(Boolean)].join(', ')
}
