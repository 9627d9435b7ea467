import { SegmentedControl, TextInput } from '@mantine/core'
import { useMemo, useState } from 'react'
import type { PlanBody, RouteMatch } from '@/api/types'
import { CopyText } from '@/ui/CopyText'
import { JsonDiff } from '@/ui/JsonDiff'
import { useText } from '@/ui/useText'
import { bodyOf, type Draft, wizardStepOf } from './draft'
import { formatDuration, parseDuration } from './durations'
import { stepText } from './stateText'
import { totalOf } from './steps'
import type { Facts, StepProps } from './useWizard'
import { audienceText } from './WizardStepsTable'

/** Step 6: what will change, the same for a script, and the start. */
export function WizardReview({ draft, set, errors, facts }: StepProps) {
  const t = useText()
  const body = useMemo(() => bodyOf(draft), [draft])
  return (
    <>
      <Faults errors={errors} />
      <p className="review-sentence">{sentence(draft, facts, t)}</p>
      <div className="columns">
        <section aria-label={t('wizard.diff.first')}>
          <h3 className="wizard-h3">{t('wizard.diff.first')}</h3>
          <JsonDiff before={trafficNow(facts)} after={trafficAfterFirst(draft, facts)} />
        </section>
        <section aria-label={t('wizard.diff.end')}>
          <h3 className="wizard-h3">{t('wizard.diff.end')}</h3>
          <JsonDiff before={trafficNow(facts)} after={trafficAtEnd(draft, facts)} />
        </section>
      </div>
      <TextInput
        label={t('review.reason')}
        placeholder={t('review.reason.hint')}
        value={draft.reason}
        maxLength={500}
        onChange={(event) => set({ reason: event.currentTarget.value })}
      />
      <Script body={body} />
    </>
  )
}

/** Every fault that is left, with the step on which it is mended. */
function Faults({ errors }: { errors: Record<string, string> }) {
  const t = useText()
  const left = Object.entries(errors)
  if (left.length === 0) return null
  return (
    <div className="notice notice-degraded" role="alert">
      <ul className="faults">
        {left.map(([path, detail]) => (
          <li key={path}>
            <strong>{t(`wizard.step.${wizardStepOf(path)}`)}</strong> <code>{path}</code> {detail}
          </li>
        ))}
      </ul>
    </div>
  )
}

function sentence(draft: Draft, { timed, rps }: Facts, t: ReturnType<typeof useText>): string {
  const { ms, people } = totalOf(timed, parseDuration(draft.safety.post_check) ?? 0)
  const first = timed[0]
  return [
    t('wizard.review.what', {
      service: draft.service,
      stable: draft.stable,
      canary: draft.canary,
      time: formatDuration(ms),
    }),
    people > 0 ? t('wizard.review.people', { n: people }) : '',
    first
      ? t('wizard.review.first', { step: stepText(first.step, t), who: audienceText(first.audience, rps, t) })
      : '',
    t(`wizard.review.${draft.on_fail}`, { stable: draft.stable }),
  ]
    .filter(Boolean)
    .join(' ')
}

type Traffic = {
  weights: Record<string, number>
  matches: RouteMatch[]
  mirror: { version: string; percent: number } | null
  sticky: Draft['safety']['sticky']
}

function trafficNow({ service }: Facts): Traffic {
  return { weights: { ...service?.split }, matches: [], mirror: null, sticky: null }
}

function trafficAfterFirst(draft: Draft, facts: Facts): Traffic {
  const audience = facts.timed[0]?.audience
  const share = Math.round((audience?.share ?? 0) * 100)
  return {
    weights: {
      ...zeroes(facts),
      [draft.stable]: 100 - share,
      [draft.canary]: share,
    },
    matches: audience?.matches ?? [],
    mirror: audience?.mirrored ? { version: draft.canary, percent: audience.mirrored * 100 } : null,
    sticky: draft.safety.sticky,
  }
}

/** Promotion gives the canary everything and takes away what the rollout laid over the routes. */
function trafficAtEnd(draft: Draft, facts: Facts): Traffic {
  return {
    weights: { ...zeroes(facts), [draft.stable]: 0, [draft.canary]: 100 },
    matches: [],
    mirror: null,
    sticky: null,
  }
}

const zeroes = ({ service }: Facts) =>
  Object.fromEntries(Object.keys(service?.split ?? {}).map((version) => [version, 0]))

function Script({ body }: { body: PlanBody }) {
  const t = useText()
  const [as, setAs] = useState('json')
  return (
    <section aria-label={t('wizard.script')}>
      <div className="script-head">
        <h3 className="wizard-h3">{t('wizard.script')}</h3>
        <SegmentedControl
          size="xs"
          aria-label={t('wizard.script')}
          value={as}
          data={[
            { value: 'json', label: 'JSON' },
            { value: 'curl', label: 'curl' },
          ]}
          onChange={setAs}
        />
      </div>
      <div className="script">
        <CopyText block value={as === 'json' ? JSON.stringify(body, null, 2) : curlOf(body)} />
      </div>
    </section>
  )
}

/** A command that does the same; the body stands in single quotes, in which a shell reads nothing. */
export function curlOf(body: PlanBody): string {
  const quoted = JSON.stringify(body).replaceAll("'", `'\\''`)
  return [
    `curl -X POST ${window.location.origin}/api/v1/rollouts/`,
    `-H "Authorization: Bearer $MESHUI_TOKEN"`,
    `-H 'Content-Type: application/json'`,
    `-d '${quoted}'`,
  ].join(' \\\n  ')
}
