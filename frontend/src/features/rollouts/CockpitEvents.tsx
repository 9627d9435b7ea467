import { useState } from 'react'
import type { RolloutEvent } from '@/api/types'
import { ToneMark } from '@/ui/Mark'
import { EmptyState } from '@/ui/States'
import { Time } from '@/ui/Time'
import { useText } from '@/ui/useText'
import type { Tone } from './stateText'

const SHOWN = 12

/** What happened, newest first. */
export function CockpitEvents({ events }: { events: RolloutEvent[] }) {
  const t = useText()
  const [all, setAll] = useState(false)
  if (events.length === 0)
    return <EmptyState title={t('rollout.events.empty')} next={t('rollout.events.empty.next')} />
  const newest = [...events].reverse()
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

const TONES: Record<string, Tone> = {
  paused: 'degraded',
  laggards: 'degraded',
  rejected: 'failing',
  rolling_back: 'failing',
  rolled_back: 'failing',
  approved: 'healthy',
  promoting: 'progress',
  succeeded: 'healthy',
}

/** A mark only where something went well, was held or failed: the rest is the ordinary course. */
function EventMark({ kind }: { kind: string }) {
  const name = kind.replaceAll('_', ' ')
  const tone = TONES[kind]
  return tone ? <ToneMark tone={tone} label={name} /> : <span className="event-plain">{name}</span>
}
