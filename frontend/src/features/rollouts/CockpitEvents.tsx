import { useState } from 'react'
import type { RolloutEvent } from '@/api/types'
import { ToneMark } from '@/ui/Mark'
import { EmptyState } from '@/ui/States'
import { Time } from '@/ui/Time'
import { useText } from '@/ui/useText'
import type { Tone } from './stateText'

const SHOWN = 12

/** What happened, newest first. The phases within a step are on the ladder while they last. */
export function CockpitEvents({ events }: { events: RolloutEvent[] }) {
  const t = useText()
  const [all, setAll] = useState(false)
  const told = events.filter(isShown)
  if (told.length === 0)
    return <EmptyState title={t('rollout.events.empty')} next={t('rollout.events.empty.next')} />
  const newest = told.reverse()
  const shown = all ? newest : newest.slice(0, SHOWN)
  return (
    <>
      <ol className="events" aria-label={t('rollout.events')}>
        {shown.map((event) => (
          <li key={event.seq}>
            <Time at={event.at} />
            <EventMark kind={event.kind} />
            <span className="event-detail">{event.detail}</span>
            <span className="muted">{event.actor}</span>
          </li>
        ))}
      </ol>
      {newest.length > shown.length && (
        <p className="panel-note">
          <button type="button" className="link-button" onClick={() => setAll(true)}>
            {t('ack.more', { n: newest.length - shown.length })}
          </button>
        </p>
      )}
    </>
  )
}

/** Every kind that is shown, with a mark where something went well, was held or failed. */
const KINDS = {
  created: null,
  edited: null,
  started: null,
  step: null,
  applied: null,
  acknowledged: null,
  paused: 'degraded',
  resumed: null,
  approved: 'healthy',
  rejected: 'failing',
  skipped: null,
  retried: null,
  laggards: 'degraded',
  webhook: null,
  promoting: 'progress',
  rolling_back: 'failing',
  succeeded: 'healthy',
  rolled_back: 'failing',
} as const satisfies Record<string, Tone | null>

type Kind = keyof typeof KINDS
const isShown = (event: RolloutEvent): event is RolloutEvent & { kind: Kind } => event.kind in KINDS

function EventMark({ kind }: { kind: Kind }) {
  const t = useText()
  const tone = KINDS[kind]
  const label = t(`rollout.event.${kind}`)
  return tone ? <ToneMark tone={tone} label={label} /> : <span className="event-plain">{label}</span>
}
