/** One rollout under way, or how it ended: what is happening, on what evidence, and what can be done. */
import './texts'
import './rollouts.css'
import { Link } from '@tanstack/react-router'
import type { Rollout, RolloutEvent } from '@/api/types'
import { useRolloutLive } from '@/api/useRollouts'
import { AckBar } from '@/ui/AckBar'
import { ToneMark } from '@/ui/Mark'
import { PageBody, PageHead, Panel } from '@/ui/Panel'
import { EmptyState, Loaded } from '@/ui/States'
import { Time } from '@/ui/Time'
import { useText } from '@/ui/useText'
import { CockpitActions } from './CockpitActions'
import { CockpitCompare } from './CockpitCompare'
import { CockpitEvents } from './CockpitEvents'
import { CockpitEvidence } from './CockpitEvidence'
import { CockpitLadder } from './CockpitLadder'
import { CockpitSplit } from './CockpitSplit'
import { sentenceOf, toneOf, whyOf } from './stateText'

export function Cockpit({ id }: { id: string }) {
  const t = useText()
  const { rollout, events } = useRolloutLive(id)
  return (
    <PageBody>
      <Loaded query={rollout} source={t('source.rollout', { id })}>
        {(value) => <CockpitView rollout={value} events={events.data ?? []} />}
      </Loaded>
    </PageBody>
  )
}

/** The page without its data's ways in, for tests. */
export function CockpitView({ rollout, events }: { rollout: Rollout; events: RolloutEvent[] }) {
  const t = useText()
  return (
    <>
      <div className="cockpit-head">
        <PageHead
          sentence={
            <span className="sentence" aria-live="polite">
              <ToneMark tone={toneOf(rollout)} label={sentenceOf(rollout, t)} />
            </span>
          }
          detail={whyOf(rollout)}
          actions={<CockpitActions rollout={rollout} />}
        />
      </div>
      <Provenance rollout={rollout} />
      <Panel title={t('rollout.ladder')}>
        <CockpitLadder rollout={rollout} />
      </Panel>
      <div className="columns">
        <Panel title={t('split.title')}>
          <CockpitSplit rollout={rollout} />
        </Panel>
        <Panel title={t('rollout.acks')}>
          {rollout.revision === null ? (
            <EmptyState title={t('rollout.acks.none')} next={t('rollout.acks.none.next')} />
          ) : (
            <AckBar revision={rollout.revision} />
          )}
        </Panel>
      </div>
      <CockpitCompare rollout={rollout} />
      <CockpitEvidence rollout={rollout} />
      <Panel title={t('rollout.events')} flush>
        <CockpitEvents events={events} />
      </Panel>
    </>
  )
}

/** Who started what, when. */
function Provenance({ rollout }: { rollout: Rollout }) {
  const t = useText()
  const { service, strategy, created_by, started_at, finished_at, attempt } = rollout
  const [namespace = '', name = ''] = service.split('/')
  return (
    <p className="row muted provenance">
      <Link to="/services/$namespace/$name" params={{ namespace, name }}>
        {service}
      </Link>
      <span>{t(`rollout.strategy.${strategy}`)}</span>
      <span>{t('rollout.by', { name: created_by })}</span>
      {started_at && (
        <span>
          {t('rollout.started')} <Time at={started_at} />
        </span>
      )}
      {finished_at && (
        <span>
          {t('rollout.finished')} <Time at={finished_at} />
        </span>
      )}
      {attempt > 1 && <span>{t('rollout.attempt', { n: attempt })}</span>}
    </p>
  )
}
