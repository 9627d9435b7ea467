import './texts'
import { Link } from '@tanstack/react-router'
import { useActiveRollouts } from '@/api/useRollouts'
import { Panel } from '@/ui/Panel'
import { useText } from '@/ui/useText'
import { RolloutLink, RolloutState, WeightBar } from './RolloutParts'

/** The rollouts under way, for the overview; nothing when there are none. */
export function ActiveRollouts() {
  const t = useText()
  const rollouts = useActiveRollouts().data ?? []
  if (rollouts.length === 0) return null
  return (
    <Panel title={t('rollouts.active')} aside={<Link to="/rollouts">{t('rollouts.all')}</Link>}>
      <ul className="plain-list">
        {rollouts.map((rollout) => (
          <li key={rollout.id} className="active-rollout">
            <RolloutLink rollout={rollout} />
            <RolloutState rollout={rollout} />
            <WeightBar rollout={rollout} />
          </li>
        ))}
      </ul>
    </Panel>
  )
}
