import { Button, Select } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { backtest } from '@/api/rollouts'
import type { AnalysisTemplate } from '@/api/types'
import { ToneMark } from '@/ui/Mark'
import { useText } from '@/ui/useText'
import { type Draft, stepsOf } from './draft'
import { verdictTone } from './stateText'
import { weightsOf } from './steps'

const SPANS = ['15m', '1h', '6h'] as const
const SPAN_MS = { '15m': 900_000, '1h': 3_600_000, '6h': 21_600_000 }

/** What a template would have said of traffic that was. */
export function Backtest({ draft, templates }: { draft: Draft; templates: AnalysisTemplate[] }) {
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
      {template ? (
        <div className="form-row">
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
        </div>
      ) : (
        <p className="muted">{t('wizard.backtest.none')}</p>
      )}
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
