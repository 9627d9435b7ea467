/** Small pieces of objectives: a promise in words, its state, and how much of its budget is left. */
import './texts'
import './objectives.css'
import type { Budget, Objective } from '@/api/types'
import type { Translate } from '@/text'
import { formatFactor, formatMs, formatPercent, formatShare, NONE } from '@/ui/format'
import { ToneMark } from '@/ui/Mark'
import { useText } from '@/ui/useText'

export type ObjectiveKind = 'availability' | 'latency'
/** One promise of a service. */
export type Promised = { service: string; kind: ObjectiveKind; budget: Budget }

const TONE = { met: 'healthy', burning: 'failing', exhausted: 'degraded', unknown: 'unknown' } as const
const URGENCY = { burning: 0, exhausted: 1, met: 2, unknown: 3 } as const

/** Every promise by itself, the most urgent first, then by what is left of its budget. */
export function promisesOf(objectives: readonly Objective[]): Promised[] {
  return objectives
    .flatMap(({ service, availability, latency }) => [
      ...(availability ? [{ service, kind: 'availability' as const, budget: availability }] : []),
      ...(latency ? [{ service, kind: 'latency' as const, budget: latency }] : []),
    ])
    .sort(
      (a, b) =>
        URGENCY[a.budget.state] - URGENCY[b.budget.state] ||
        (a.budget.budget_left ?? 1) - (b.budget.budget_left ?? 1) ||
        (a.service < b.service ? -1 : 1),
    )
}

export function isInDanger({ budget: { state } }: Promised): boolean {
  return state === 'burning' || state === 'exhausted'
}

export function promiseWords({ objective, threshold_ms: ms }: Budget, t: Translate): string {
  const percent = formatPercent(objective)
  return ms === null
    ? t('objectives.promise.availability', { percent })
    : t('objectives.promise.latency', { percent, ms: formatMs(ms) })
}

export function StateMark({ budget: { state } }: { budget: Budget }) {
  const t = useText()
  return <ToneMark tone={TONE[state]} label={t(`objectives.state.${state}`)} />
}

/** A bar as long as what is left; an overdrawn budget has none, and says by how much. */
export function BudgetLeft({ budget }: { budget: Budget }) {
  const t = useText()
  const { budget_left: left, state } = budget
  if (left === null) return <span>{NONE}</span>
  const words =
    left < 0 ? t('objectives.overdrawn', { factor: formatFactor(-left) }) : formatShare(Math.min(1, left))
  return (
    <span className="budget-left">
      <span className="budget-track" aria-hidden="true">
        <span
          className={`budget-fill budget-${state}`}
          style={{ width: `${Math.max(0, Math.min(1, left)) * 100}%` }}
        />
      </span>
      <span>{words}</span>
    </span>
  )
}

export function burnClass(burn: number | null, threshold: number): string | undefined {
  return burn !== null && burn >= threshold ? 'text-failing' : undefined
}
