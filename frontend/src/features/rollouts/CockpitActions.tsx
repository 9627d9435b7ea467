import { Button, Checkbox } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { queries } from '@/api/queries'
import { actOnRollout, rolloutQueries, undoRollout } from '@/api/rollouts'
import { useMay, useMe } from '@/api/session'
import type { Rollout, RolloutAction } from '@/api/types'
import { FormDialog } from '@/ui/FormDialog'
import { formatRate } from '@/ui/format'
import { useNow } from '@/ui/useNow'
import { useText } from '@/ui/useText'
import { actionsShown, consequenceOf, whyNot } from './actions'
import { draftFromPlan, saveDraft } from './draft'
import { formatDuration } from './durations'

/** What can be done to a rollout, always in reach. */
export function CockpitActions({ rollout }: { rollout: Rollout }) {
  const t = useText()
  const shown = actionsShown(rollout)
  return (
    <div className="cockpit-actions" role="toolbar" aria-label={t('rollout.actions')}>
      {shown.map((action, index) => (
        <ActionDialog key={action} rollout={rollout} action={action} primary={index === 0} />
      ))}
      {rollout.state === 'succeeded' && <Undo rollout={rollout} />}
      {(rollout.state === 'succeeded' || rollout.state === 'rolled_back') && <Again rollout={rollout} />}
    </div>
  )
}

const DANGEROUS = new Set<RolloutAction>(['abort', 'reject'])

type ActionProps = { rollout: Rollout; action: RolloutAction; primary: boolean }

function ActionDialog({ rollout, action, primary }: ActionProps) {
  const t = useText()
  const cache = useQueryClient()
  const me = useMe().data
  const [force, setForce] = useState(false)
  const stableGone = action === 'abort' && rollout.pause_reason === 'stable_unhealthy'
  return (
    <FormDialog
      label={t(`rollout.action.${action}`)}
      title={t(`rollout.action.${action}.title`, { service: rollout.service, canary: rollout.canary })}
      submit={t(`rollout.action.${action}.submit`, { canary: rollout.canary, stable: rollout.stable })}
      danger={DANGEROUS.has(action)}
      primary={primary}
      blocked={whyNot(action, rollout, me, t)}
      reasonRequired={action === 'promote'}
      onOpen={() => setForce(false)}
      apply={(reason) => actOnRollout(rollout, action, action === 'abort' ? { reason, force } : { reason })}
      onDone={(after) => {
        cache.setQueryData(rolloutQueries.one(rollout.id).queryKey, after)
        cache.invalidateQueries({ queryKey: ['rollout', rollout.id] })
        cache.invalidateQueries({ queryKey: ['rollouts'] })
      }}
    >
      {() => (
        <>
          <p>{consequenceOf(action, rollout, t)}</p>
          {stableGone && (
            <Checkbox
              label={t('rollout.force', { stable: rollout.stable })}
              checked={force}
              onChange={(event) => setForce(event.currentTarget.checked)}
            />
          )}
        </>
      )}
    </FormDialog>
  )
}

/** Back to the version before, as a rollout of one step, while there is time. */
function Undo({ rollout }: { rollout: Rollout }) {
  const t = useText()
  const cache = useQueryClient()
  const navigate = useNavigate()
  const leftMs = Date.parse(rollout.undo_until ?? '') - useNow(1000)
  const may = useMay('traffic.write', rollout.service.split('/')[0])
  const { service, stable, canary } = rollout
  const traffic = useQuery(queries.traffic(service, '60s')).data
  if (!(leftMs > 0)) return null
  return (
    <FormDialog
      label={t('rollout.undo', { left: formatDuration(leftMs) })}
      title={t('rollout.undo.title', { service, stable })}
      submit={t('rollout.undo.submit', { stable })}
      danger
      blocked={may ? undefined : t('rollout.blocked.permission', { namespace: service.split('/')[0] ?? '' })}
      apply={(reason) => undoRollout(service, reason)}
      onDone={({ id }) => {
        cache.invalidateQueries({ queryKey: ['rollouts'] })
        navigate({ to: '/rollouts/$id', params: { id } })
      }}
    >
      {() => (
        <p>
          {t('rollout.undo.consequence', {
            service,
            stable,
            canary,
            rate: formatRate(traffic?.versions[canary]?.rps),
          })}
        </p>
      )}
    </FormDialog>
  )
}

/** The same plan as a new draft. */
function Again({ rollout }: { rollout: Rollout }) {
  const t = useText()
  const navigate = useNavigate()
  return (
    <Button
      size="xs"
      variant="default"
      onClick={() => {
        saveDraft(draftFromPlan(rollout.plan))
        navigate({ to: '/rollouts/new', search: { service: rollout.service } as never })
      }}
    >
      {t('rollout.again')}
    </Button>
  )
}
