/** A rotation of the root, step by step: what holds now, who is waited for, what can still be undone. */
import { useQueryClient } from '@tanstack/react-query'
import { AUTHORITY, actOnRotation, type RotationAct } from '@/api/authority'
import type { Rotation } from '@/api/types'
import { Countdown } from '@/ui/Countdown'
import { FormDialog } from '@/ui/FormDialog'
import { ToneMark } from '@/ui/Mark'
import { Panel } from '@/ui/Panel'
import { Time } from '@/ui/Time'
import { useText } from '@/ui/useText'
import { MissingTable } from './MissingTable'

type RotationPanelProps = { rotation: Rotation; blocked: string | undefined }

const ACTS = ['resume', 'pause', 'abort'] as const
const TONE = { done: 'healthy', current: 'progress', ahead: 'unknown', skipped: 'unknown' } as const

export function RotationPanel({ rotation, blocked }: RotationPanelProps) {
  const t = useText()
  const { id, actor, reason, started_at, may, passed } = rotation
  return (
    <Panel
      title={t('rotation.title', { id })}
      aside={ACTS.filter((act) => may[act]).map((act) => (
        <Act key={act} id={id} act={act} blocked={blocked} />
      ))}
    >
      <div className="stack">
        <p className="muted">
          {t('rotation.by', { actor })} <Time at={started_at} />
          {reason && ` · ${reason}`}
        </p>
        <Steps rotation={rotation} />
        <Progress rotation={rotation} />
        <MissingTable rotation={rotation} blocked={blocked} />
        {passed.length > 0 && (
          <p>
            {t('rotation.passed', { n: passed.length })}{' '}
            {passed.map(({ proxy, actor: by, reason: why }) => `${proxy} (${by}: ${why})`).join(', ')}
          </p>
        )}
      </div>
    </Panel>
  )
}

function Act({ id, act, blocked }: { id: number; act: RotationAct; blocked: string | undefined }) {
  const t = useText()
  const cache = useQueryClient()
  return (
    <FormDialog
      label={t(`rotation.${act}`)}
      title={t(`rotation.${act}.title`, { id })}
      primary={act === 'resume'}
      danger={act === 'abort'}
      blocked={blocked}
      apply={(reason) => actOnRotation(id, act, reason)}
      onDone={() => cache.invalidateQueries({ queryKey: [AUTHORITY] })}
    >
      {() => <p>{t(`rotation.${act}.after`)}</p>}
    </FormDialog>
  )
}

/** Each state in plain words; the one that holds says what is still undone by aborting. */
export function Steps({ rotation: { steps, state, paused } }: { rotation: Rotation }) {
  const t = useText()
  return (
    <ol className="rotation-steps">
      {steps.map(({ state: step, status, at }) => (
        <li
          key={step}
          className={`rotation-step rotation-${status}`}
          aria-current={step === state ? 'step' : undefined}
        >
          <ToneMark
            tone={status === 'current' && paused ? 'degraded' : TONE[status]}
            label={t(`rotation.state.${step}`)}
          />
          <span className="muted">{at ? <Time at={at} /> : t('rotation.ahead')}</span>
          <p>{t(`rotation.what.${step}`)}</p>
          {status === 'current' && <p className="rotation-undo">{t(`rotation.undo.${step}`)}</p>}
        </li>
      ))}
    </ol>
  )
}

function Progress({ rotation }: { rotation: Rotation }) {
  const t = useText()
  const { progress, waits_code, waits_until, missing_total } = rotation
  if (!progress) return null
  const { acknowledged, reissued, proxies, passed, gone } = progress
  const all = Math.max(0, proxies - passed - gone)
  return (
    <div className="stack" role="status">
      {waits_code && (
        <p>
          <strong>{t(`rotation.waits.${waits_code}`, { n: missing_total })}</strong>{' '}
          {waits_until && <Countdown to={waits_until} />}
        </p>
      )}
      <div className="rotation-meters">
        <Meter label={t('rotation.acknowledged')} done={acknowledged} all={all} />
        <Meter label={t('rotation.reissued')} done={reissued} all={all} />
      </div>
      {gone > 0 && <p className="muted">{t('rotation.gone', { n: gone })}</p>}
    </div>
  )
}

function Meter({ label, done, all }: { label: string; done: number; all: number }) {
  const t = useText()
  return (
    <div className="rotation-meter">
      <span>{label}</span>
      <span>{t('rotation.of', { done, all })}</span>
      <progress value={done} max={Math.max(all, 1)} aria-label={label} />
    </div>
  )
}
