/** Small pieces that the list, the banner and the cockpit share. */
import './rollouts.css'
import { Link } from '@tanstack/react-router'
import type { Rollout, Verdict } from '@/api/types'
import { formatWeight } from '@/ui/format'
import { ToneMark } from '@/ui/Mark'
import { useText } from '@/ui/useText'
import {
  canaryWeight,
  formatEvidence,
  leadingVerdict,
  metricName,
  stateLabel,
  toneOf,
  verdictTone,
} from './stateText'

export function RolloutState({ rollout }: { rollout: Rollout }) {
  const t = useText()
  return <ToneMark tone={toneOf(rollout)} label={stateLabel(rollout, t)} />
}

export function RolloutLink({ rollout }: { rollout: Rollout }) {
  return (
    <Link to="/rollouts/$id" params={{ id: rollout.id }}>
      {rollout.service} {rollout.stable} → {rollout.canary}
    </Link>
  )
}

/** The canary's share of what follows the split, as a bar with its number. */
export function WeightBar({ rollout }: { rollout: Rollout }) {
  const weight = canaryWeight(rollout)
  return (
    <span className="weight-bar">
      <span className="share-bar" aria-hidden="true">
        <span className="is-canary" style={{ flexGrow: weight }} />
        <span className="is-stable" style={{ flexGrow: 100 - weight }} />
      </span>
      <span>{formatWeight(weight)}</span>
    </span>
  )
}

/** "Errors: passing, E 0.4 of 200". */
export function VerdictLine({ rollout }: { rollout: Rollout }) {
  const t = useText()
  const verdict = leadingVerdict(rollout)
  return <ToneMark tone={verdictTone(verdict)} label={verdictLabel(verdict, t)} />
}

export function verdictLabel(verdict: Verdict, t: ReturnType<typeof useText>): string {
  const kind = t(`rollout.verdict.${verdict.kind}`)
  if (!verdict.metric) return kind
  const name = metricName(verdict.metric, t)
  if (verdict.E === null || verdict.limit === null) return `${name}: ${kind}`
  const against = t('rollout.evidence.of', {
    e: formatEvidence(verdict.E),
    limit: formatEvidence(verdict.limit),
  })
  return `${name}: ${kind}, ${against}`
}
