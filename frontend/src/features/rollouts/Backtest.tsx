import { Button, Select, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { backtest, createTemplate, rolloutQueries } from '@/api/rollouts'
import { useMay } from '@/api/session'
import type { AnalysisTemplate } from '@/api/types'
import { FormDialog } from '@/ui/FormDialog'
import { ToneMark } from '@/ui/Mark'
import { useText } from '@/ui/useText'
import { type Draft, stepsOf } from './draft'
import { nameOfMetric, verdictTone } from './stateText'
import { weightsOf } from './steps'

const SPANS = ['15m', '1h', '6h'] as const
const SPAN_MS = { '15m': 900_000, '1h': 3_600_000, '6h': 21_600_000 }

type BacktestProps = {
  draft: Draft
  templates: AnalysisTemplate[]
  /** A template was made of the draft's metrics. */
  onSaved: (template: string) => void
}

/** What a template would have said of traffic that was. */
export function Backtest({ draft, templates, onSaved }: BacktestProps) {
  const t = useText()
  const [span, setSpan] = useState<(typeof SPANS)[number]>('15m')
  const template = draft.analysis.template || templates[0]?.name
  const run = useMutation({
    mutationFn: () => {
      const to = Date.now()
      return backtest(template ?? '', {
        service: draft.service,
        canary: draft.canary,
        stable: draft.stable,
        from: new Date(to - SPAN_MS[span]).toISOString(),
        to: new Date(to).toISOString(),
        interval: draft.analysis.interval,
        alpha: draft.analysis.alpha,
        objective_ms: draft.analysis.objective_ms,
        bake: '60s',
        steps: weightsOf(stepsOf(draft)).length || 1,
      })
    },
  })
  return (
    <section aria-label={t('wizard.backtest')}>
      <h3 className="wizard-h3">{t('wizard.backtest')}</h3>
      {!template && <p className="muted wizard-note">{t('wizard.backtest.none')}</p>}
      <div className="form-row">
        {template && (
          <>
            <Select
              size="xs"
              aria-label={t('wizard.backtest.span')}
              value={span}
              data={SPANS.map((value) => ({ value, label: t(`wizard.backtest.${value}`) }))}
              allowDeselect={false}
              onChange={(next) => setSpan((next ?? '15m') as typeof span)}
            />
            <Button size="xs" variant="default" loading={run.isPending} onClick={() => run.mutate()}>
              {t('wizard.backtest.run', { template })}
            </Button>
          </>
        )}
        <SaveTemplate draft={draft} onSaved={onSaved} />
      </div>
      <div aria-live="polite">
        {run.error && <p className="text-failing">{run.error.message}</p>}
        {run.data && (
          <p className="row backtest-answer">
            <ToneMark
              tone={verdictTone({ kind: run.data.outcome.verdict })}
              label={t(`rollout.verdict.${run.data.outcome.verdict}`)}
            />
            <span>{t('wizard.backtest.windows', { n: run.data.windows })}</span>
            <span className="muted">{run.data.outcome.reason}</span>
          </p>
        )}
      </div>
    </section>
  )
}

/** The draft's metrics under a name, for other rollouts to use. */
function SaveTemplate({ draft, onSaved }: Pick<BacktestProps, 'draft' | 'onSaved'>) {
  const t = useText()
  const cache = useQueryClient()
  const [name, setName] = useState('')
  const [description, setDescription] = useState('')
  const mayWrite = useMay('traffic.write')
  const { metrics } = draft.analysis
  if (!mayWrite || metrics.length === 0) return null
  return (
    <FormDialog
      label={t('wizard.template.save')}
      title={t('wizard.template.save')}
      ready={name !== ''}
      fields={['name', 'description', 'metrics']}
      apply={(reason) => createTemplate({ name, description, metrics, reason })}
      onDone={async () => {
        await cache.invalidateQueries({ queryKey: rolloutQueries.templates().queryKey })
        onSaved(name)
      }}
    >
      {(errors) => (
        <>
          <p className="muted">
            {t('wizard.template.holds', { names: metrics.map(nameOfMetric).join(', ') })}
          </p>
          {errors.metrics && <p className="text-failing">{errors.metrics}</p>}
          <TextInput
            label={t('wizard.metric.name')}
            value={name}
            error={errors.name}
            data-autofocus
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <TextInput
            label={t('wizard.template.description')}
            value={description}
            error={errors.description}
            onChange={(event) => setDescription(event.currentTarget.value)}
          />
        </>
      )}
    </FormDialog>
  )
}
