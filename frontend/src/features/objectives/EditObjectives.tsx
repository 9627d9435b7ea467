/** Promise, change a promise, or take it back. */
import { Checkbox, NumberInput } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { OBJECTIVES, setObjectives } from '@/api/incidents'
import { ApiError } from '@/api/problem'
import type { ServiceObjectives } from '@/api/types'
import { FormDialog } from '@/ui/FormDialog'
import { formatCount } from '@/ui/format'
import { useText } from '@/ui/useText'

type Draft = { availability: number | null; latency: { percent: number; threshold_ms: number } | null }

export const LEAST = 50
export const MOST = 99.999
export const SLOWEST_MS = 60_000
const SUGGESTED = { availability: 99.9, latency: { percent: 99, threshold_ms: 250 } }

export function isValid({ availability, latency }: Draft): boolean {
  const isPercent = (value: number) => value >= LEAST && value <= MOST
  const isTime = (ms: number) => Number.isInteger(ms) && ms >= 1 && ms <= SLOWEST_MS
  return (
    (availability === null || isPercent(availability)) &&
    (latency === null || (isPercent(latency.percent) && isTime(latency.threshold_ms)))
  )
}

type EditProps = {
  service: string
  promises: ServiceObjectives
  etag: string
  blocked: string | undefined
}

export function EditObjectives({ service, promises, etag, blocked }: EditProps) {
  const t = useText()
  const cache = useQueryClient()
  const standing = { availability: promises.availability, latency: promises.latency }
  const [draft, setDraft] = useState<Draft>(standing)
  // What was read when the dialog opened is what one decided upon.
  const [read, setRead] = useState(etag)
  const isNew = !promises.availability && !promises.latency
  const label = isNew ? t('objectives.set') : t('objectives.edit')
  return (
    <FormDialog
      label={label}
      title={t('objectives.edit.of', { service })}
      submit={t('action.save')}
      primary={isNew}
      blocked={blocked}
      ready={isValid(draft)}
      fields={['availability', 'latency.percent', 'latency.threshold_ms']}
      onOpen={() => {
        setDraft(isNew ? { ...standing, availability: SUGGESTED.availability } : standing)
        setRead(etag)
      }}
      apply={async (reason) => {
        try {
          return await setObjectives(service, { ...draft, reason }, read)
        } catch (error) {
          if (error instanceof ApiError && error.status === 412) throw new Error(t('objectives.stale'))
          throw error
        }
      }}
      onDone={() => cache.invalidateQueries({ queryKey: [OBJECTIVES] })}
    >
      {(errors) => (
        <>
          <Checkbox
            label={t('objectives.promise.on.availability')}
            checked={draft.availability !== null}
            onChange={(event) =>
              setDraft({
                ...draft,
                availability: event.currentTarget.checked ? SUGGESTED.availability : null,
              })
            }
          />
          {draft.availability !== null && (
            <Percent
              value={draft.availability}
              error={errors.availability}
              onChange={(availability) => setDraft({ ...draft, availability })}
            />
          )}
          <Checkbox
            label={t('objectives.promise.on.latency')}
            checked={draft.latency !== null}
            onChange={(event) =>
              setDraft({ ...draft, latency: event.currentTarget.checked ? SUGGESTED.latency : null })
            }
          />
          {draft.latency && (
            <>
              <Percent
                value={draft.latency.percent}
                error={errors['latency.percent']}
                onChange={(percent) =>
                  setDraft({ ...draft, latency: { ...SUGGESTED.latency, ...draft.latency, percent } })
                }
              />
              <NumberInput
                label={t('objectives.threshold')}
                description={t('objectives.threshold.hint')}
                value={draft.latency.threshold_ms}
                min={1}
                max={SLOWEST_MS}
                allowDecimal={false}
                clampBehavior="none"
                error={errors['latency.threshold_ms'] ?? !isTimeShown(draft.latency.threshold_ms)}
                onChange={(value) =>
                  setDraft({
                    ...draft,
                    latency: { ...SUGGESTED.latency, ...draft.latency, threshold_ms: Number(value) },
                  })
                }
              />
            </>
          )}
        </>
      )}
    </FormDialog>
  )
}

const isTimeShown = (ms: number) =>
  isValid({ availability: null, latency: { percent: 99, threshold_ms: ms } })

type PercentProps = { value: number; error: string | undefined; onChange: (value: number) => void }

function Percent({ value, error, onChange }: PercentProps) {
  const t = useText()
  const valid = isValid({ availability: value, latency: null })
  const bad = formatCount(Math.round((1 - value / 100) * 1_000_000))
  return (
    <NumberInput
      label={t('objectives.percent')}
      description={valid ? t('objectives.allows', { bad }) : t('objectives.percent.hint')}
      value={value}
      min={LEAST}
      max={MOST}
      step={0.1}
      decimalScale={3}
      clampBehavior="none"
      error={error ?? !valid}
      onChange={(next) => onChange(Number(next))}
    />
  )
}
