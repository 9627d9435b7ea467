import type { Rollout, RolloutStep } from '@/api/types'
import { formatCountdown, formatWeight } from '@/ui/format'
import { ToneMark } from '@/ui/Mark'
import { useNow } from '@/ui/useNow'
import { useText } from '@/ui/useText'
import { type Countdown, countdownOf, deadlineOf, type Rung, rungsOf, stepsOf } from './ladder'
import { phaseText, stepText, type Tone } from './stateText'

/** The weights on the way up, the steps at each, and the time until the next one. */
export function CockpitLadder({ rollout }: { rollout: Rollout }) {
  const t = useText()
  const countdown = countdownOf(rollout)
  return (
    <div className="stack">
      <ol className="ladder" aria-label={t('rollout.ladder')}>
        {rungsOf(stepsOf(rollout)).map((rung) => (
          <RungCard key={rung.steps[0]?.index} rung={rung} rollout={rollout} />
        ))}
        <PromotionCard rollout={rollout} />
      </ol>
      {(rollout.state === 'progressing' || rollout.state === 'paused' || countdown) && (
        <p className="row ladder-now">
          <NowLine rollout={rollout} />
          {countdown && <Clock countdown={countdown} />}
          <Deadline rollout={rollout} />
        </p>
      )}
    </div>
  )
}

/** A step that is not done when the rollout turns back stays where it was. */
function currentTone({ state }: Rollout): Tone {
  if (state === 'paused') return 'degraded'
  return state === 'rolling_back' || state === 'rolled_back' ? 'failing' : 'progress'
}

function RungCard({ rung, rollout }: { rung: Rung; rollout: Rollout }) {
  const t = useText()
  const title = rung.weight === null ? t('rollout.before') : formatWeight(rung.weight)
  return (
    <li
      className="rung"
      data-state={rung.state}
      data-tone={currentTone(rollout)}
      aria-current={rung.state === 'current' ? 'step' : undefined}
    >
      <strong>{title}</strong>
      <span className="share-bar" aria-hidden="true">
        <span className="is-canary" style={{ flexGrow: rung.weight ?? 0 }} />
        <span className="is-stable" style={{ flexGrow: 100 - (rung.weight ?? 0) }} />
      </span>
      <ul className="rung-steps">
        {rung.steps.map((step) => (
          <li key={step.index} title={step.detail || undefined}>
            <StepMark step={step} rollout={rollout} />
          </li>
        ))}
      </ul>
    </li>
  )
}

function StepMark({ step, rollout }: { step: RolloutStep; rollout: Rollout }) {
  const t = useText()
  const planned = rollout.plan.steps[step.index]
  // The weight is the rung's title.
  const label = planned && step.kind !== 'set_weight' ? stepText(planned, t) : t('rollout.do.shift')
  const tone: Tone =
    step.state === 'done' ? 'healthy' : step.state === 'todo' ? 'unknown' : currentTone(rollout)
  return (
    <>
      <ToneMark tone={tone} label={label} />
      <span className="visually-hidden">{t(`rollout.step.${step.state}`)}</span>
    </>
  )
}

function PromotionCard({ rollout }: { rollout: Rollout }) {
  const t = useText()
  const { state, plan } = rollout
  const tone: Tone = state === 'succeeded' ? 'healthy' : state === 'promoting' ? 'progress' : 'unknown'
  const place = state === 'succeeded' ? 'done' : state === 'promoting' ? 'current' : 'todo'
  return (
    <li className="rung" data-state={place} aria-current={place === 'current' ? 'step' : undefined}>
      <strong>{t('rollout.promotion')}</strong>
      <span className="share-bar" aria-hidden="true">
        <span className="is-canary" style={{ flexGrow: 1 }} />
      </span>
      <ul className="rung-steps">
        <li>
          <ToneMark tone={tone} label={t('rollout.watch', { time: plan.safety.post_check })} />
          <span className="visually-hidden">{t(`rollout.step.${place}`)}</span>
        </li>
      </ul>
    </li>
  )
}

/** "Step 5 of 16, bake 1 min: warming up". */
function NowLine({ rollout }: { rollout: Rollout }) {
  const t = useText()
  const { state, steps, step_index, plan } = rollout
  if (state !== 'progressing' && state !== 'paused') return null
  const planned = plan.steps[step_index]
  if (!planned) return null
  return (
    <span>
      {t('rollout.now', {
        n: step_index + 1,
        all: steps.length,
        step: stepText(planned, t),
        phase: phaseText(rollout, t),
      })}
    </span>
  )
}

/** When a step that does not end pauses the rollout. */
function Deadline({ rollout }: { rollout: Rollout }) {
  const t = useText()
  const now = useNow(1000)
  const at = deadlineOf(rollout)
  if (at === null) return null
  return <span className="muted">{t('rollout.deadline', { time: formatCountdown(at - now) })}</span>
}

function Clock({ countdown }: { countdown: Countdown }) {
  const t = useText()
  const leftMs = Date.parse(countdown.at) - useNow(1000)
  const time = formatCountdown(leftMs)
  return (
    <strong role="timer" className="countdown">
      {leftMs > 0 ? t(`rollout.countdown.${countdown.to}`, { time }) : t('rollout.countdown.due')}
    </strong>
  )
}
