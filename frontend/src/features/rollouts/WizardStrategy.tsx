import { Radio } from '@mantine/core'
import type { PlanStep } from '@/api/types'
import type { Translate } from '@/text'
import { formatWeight } from '@/ui/format'
import { useText } from '@/ui/useText'
import { stepText } from './stateText'
import { STRATEGIES, stepsOfStrategy, weightsOf } from './steps'
import type { StepProps } from './useWizard'

/** A climb as its weights, anything else step by step. */
function outline(steps: PlanStep[], t: Translate): string {
  const weights = weightsOf(steps)
  if (weights.length > 2) return weights.map(formatWeight).join(' → ')
  return steps.map((step) => stepText(step, t)).join(' → ')
}

/** Step 2: how the canary gets its traffic. */
export function WizardStrategy({ draft, set, errors }: StepProps) {
  const t = useText()
  return (
    <Radio.Group
      aria-label={t('rollout.strategy')}
      value={draft.strategy}
      error={errors.strategy}
      onChange={(strategy) => set({ strategy: strategy as typeof draft.strategy })}
    >
      <div className="strategies">
        {STRATEGIES.map((strategy) => {
          const steps = draft.steps[strategy] ?? stepsOfStrategy(strategy)
          return (
            <Radio.Card key={strategy} value={strategy} className="strategy">
              <Radio.Indicator />
              <span>
                <strong>{t(`rollout.strategy.${strategy}`)}</strong>
                <span className="strategy-what">{t(`wizard.strategy.${strategy}`)}</span>
                <span className="muted">{outline(steps, t)}</span>
              </span>
            </Radio.Card>
          )
        })}
      </div>
    </Radio.Group>
  )
}
