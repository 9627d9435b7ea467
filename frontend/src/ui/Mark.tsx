/** State marks: every state has its own shape and its own colour, so that neither is needed alone. */
import type { Health, RevisionState, SyncState } from '@/api/types'
import { useText } from './useText'

type Shape = 'dot' | 'triangle' | 'octagon' | 'ring' | 'progress'
type Tone = 'healthy' | 'degraded' | 'failing' | 'unknown' | 'progress'

const SHAPE_OF: Record<Tone, Shape> = {
  healthy: 'dot',
  degraded: 'triangle',
  failing: 'octagon',
  unknown: 'ring',
  progress: 'progress',
}

function Glyph({ tone }: { tone: Tone }) {
  const shape = SHAPE_OF[tone]
  return (
    <svg className={`mark mark-${tone}`} viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
      {shape === 'dot' && <circle cx="6" cy="6" r="3.5" />}
      {shape === 'triangle' && <path d="M6 1 11.4 10.6H.6z" />}
      {shape === 'octagon' && <path d="M3.7.6h4.6l3.1 3.1v4.6l-3.1 3.1H3.7L.6 8.3V3.7z" />}
      {shape === 'ring' && <circle cx="6" cy="6" r="3.75" className="hollow" />}
      {shape === 'progress' && <path d="M6 1.5A4.5 4.5 0 1 1 1.5 6" className="hollow" />}
    </svg>
  )
}

const HEALTH_TONE: Record<Health, Tone> = {
  healthy: 'healthy',
  degraded: 'degraded',
  failing: 'failing',
  unknown: 'unknown',
  idle: 'unknown',
}
const SYNC_TONE: Record<SyncState, Tone> = {
  synced: 'healthy',
  syncing: 'progress',
  refused: 'failing',
  offline: 'unknown',
}
const REVISION_TONE: Record<RevisionState, Tone> = {
  applied: 'healthy',
  pending: 'progress',
  partial: 'degraded',
  failed: 'failing',
}

type LabelProps = { quiet?: boolean; label?: string }

function Marked({ tone, text, quiet }: { tone: Tone; text: string; quiet?: boolean }) {
  return (
    <span className="marked" title={quiet ? text : undefined}>
      <Glyph tone={tone} />
      {quiet ? <span className="visually-hidden">{text}</span> : <span>{text}</span>}
    </span>
  )
}

export function HealthMark({ health, quiet, label }: { health: Health } & LabelProps) {
  const t = useText()
  return <Marked tone={HEALTH_TONE[health]} text={label ?? t(`health.${health}`)} quiet={quiet} />
}

export function SyncMark({ state, quiet, label }: { state: SyncState } & LabelProps) {
  const t = useText()
  return <Marked tone={SYNC_TONE[state]} text={label ?? t(`sync.${state}`)} quiet={quiet} />
}

export function RevisionMark({ state, label }: { state: RevisionState; label?: string }) {
  const t = useText()
  return <Marked tone={REVISION_TONE[state]} text={label ?? t(`revision.${state}`)} />
}

export function ToneMark({ tone, label, quiet }: { tone: Tone; label: string; quiet?: boolean }) {
  return <Marked tone={tone} text={label} quiet={quiet} />
}
