/** What a service's page says while a rollout owns its traffic. */
import './texts'
import { Button } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { Rollout } from '@/api/types'
import { ToneMark } from '@/ui/Mark'
import { useText } from '@/ui/useText'
import { WeightBar } from './RolloutParts'
import { sentenceOf, toneOf } from './stateText'

export function RolloutBanner({ rollout }: { rollout: Rollout }) {
  const t = useText()
  return (
    <section className="rollout-banner" aria-label={t('rollout.banner.label')}>
      <div className="rollout-banner-text">
        <ToneMark tone={toneOf(rollout)} label={sentenceOf(rollout, t)} />
        <span className="muted">{t('rollout.banner.owns')}</span>
      </div>
      <WeightBar rollout={rollout} />
      <Button
        size="xs"
        variant="default"
        renderRoot={(props) => <Link to="/rollouts/$id" params={{ id: rollout.id }} {...props} />}
      >
        {t('rollout.open')}
      </Button>
    </section>
  )
}

/** The way into the wizard for a service that no rollout owns. */
export function StartRollout({ service }: { service: string }) {
  const t = useText()
  return (
    <Button
      size="xs"
      variant="default"
      renderRoot={(props) => <Link to="/rollouts/new" search={{ service } as never} {...props} />}
    >
      {t('rollout.new')}
    </Button>
  )
}
