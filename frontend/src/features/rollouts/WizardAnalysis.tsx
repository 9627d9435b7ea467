import { Button, Checkbox, NumberInput, Select, TextInput } from '@mantine/core'
import { IconPlus, IconTrash } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { rolloutQueries } from '@/api/rollouts'
import type { Analysis, CustomMetric, Estimate, PlanMetric } from '@/api/types'
import { formatRate, formatShare, formatWeight, NONE } from '@/ui/format'
import { useText } from '@/ui/useText'
import { Backtest } from './Backtest'
import { BaselinePreview } from './BaselinePreview'
import { formatDuration } from './durations'
import { nameOfMetric } from './stateText'
import type { StepProps } from './useWizard'

const NO_TEMPLATE = '-'

/** Step 4: what is measured, what it would say of the traffic of now, and how soon it would notice. */
export function WizardAnalysis({ draft, set, errors, facts }: StepProps) {
  const t = useText()
  const { analysis } = draft
  const change = (patch: Partial<Analysis>) => set({ analysis: { ...analysis, ...patch } })
  const templates = useQuery(rolloutQueries.templates()).data ?? []
  return (
    <>
      <Detection estimate={facts.estimate} />
      <div className="form-row">
        {templates.length > 0 && (
          <Select
            label={t('wizard.template')}
            value={analysis.template || NO_TEMPLATE}
            data={[
              { value: NO_TEMPLATE, label: t('wizard.template.none') },
              ...templates.map(({ name }) => ({ value: name, label: name })),
            ]}
            allowDeselect={false}
            error={errors['analysis.template']}
            onChange={(name) => {
              const chosen = templates.find((template) => template.name === name)
              change({ template: chosen?.name ?? '', metrics: chosen?.metrics ?? ['errors', 'latency'] })
            }}
          />
        )}
        <TextInput
          className="wizard-short"
          label={t('wizard.interval')}
          value={analysis.interval}
          error={errors['analysis.interval']}
          onChange={(event) => change({ interval: event.currentTarget.value })}
        />
        <NumberInput
          className="wizard-short"
          label={t('wizard.minRequests')}
          value={analysis.min_requests}
          min={1}
          allowDecimal={false}
          error={errors['analysis.min_requests']}
          onChange={(value) => change({ min_requests: Number(value) })}
        />
        <Select
          className="wizard-short"
          label={t('wizard.alpha')}
          value={String(analysis.alpha)}
          data={[...new Set([0.001, 0.01, 0.05, analysis.alpha])].map((alpha) => ({
            value: String(alpha),
            label: formatWeight(alpha * 100),
          }))}
          allowDeselect={false}
          error={errors['analysis.alpha']}
          onChange={(alpha) => change({ alpha: Number(alpha) })}
        />
      </div>
      <Metrics analysis={analysis} change={change} errors={errors} />
      <BaselinePreview
        service={draft.service}
        stable={draft.stable}
        canary={draft.canary}
        objectiveMs={analysis.objective_ms}
      />
      <Backtest draft={draft} templates={templates} onSaved={(template) => change({ template })} />
    </>
  )
}

const shareText = (share: number) => formatWeight(Number((share * 100).toPrecision(3)))
const minutesText = (minutes: number | null) => (minutes === null ? NONE : formatDuration(minutes * 60_000))

/** "Detects a doubling of errors in about 4 min at 50 rps", and at which weight. */
function Detection({ estimate }: { estimate: Estimate | undefined }) {
  const t = useText()
  if (!estimate) return null
  const { rate_rps, assumed_error, steps } = estimate
  const soonest = steps
    .filter(({ minutes_to_detect }) => minutes_to_detect !== null)
    .sort((a, b) => (a.minutes_to_detect ?? 0) - (b.minutes_to_detect ?? 0))[0]
  if (!rate_rps || !soonest) return <p className="notice notice-degraded">{t('wizard.detects.never')}</p>
  return (
    <p className="notice">
      <strong>
        {t('wizard.detects', {
          error: formatShare(assumed_error),
          time: minutesText(soonest.minutes_to_detect),
          share: shareText(soonest.share),
          rate: formatRate(rate_rps),
        })}
      </strong>{' '}
      <span className="muted">
        {steps
          .map(({ share, minutes_to_detect: at }) =>
            t('wizard.detects.at', { share: shareText(share), time: minutesText(at) }),
          )
          .join(' · ')}
      </span>
    </p>
  )
}

type MetricsProps = {
  analysis: Analysis
  change: (patch: Partial<Analysis>) => void
  errors: Record<string, string>
}

const BUILTIN = ['errors', 'latency'] as const

function Metrics({ analysis, change, errors }: MetricsProps) {
  const t = useText()
  const { metrics } = analysis
  const replace = (index: number, metric: PlanMetric) =>
    change({ metrics: metrics.map((each, at) => (at === index ? metric : each)) })
  const remove = (index: number) => change({ metrics: metrics.filter((_, at) => at !== index) })
  return (
    <fieldset className="wizard-fieldset">
      <legend>{t('wizard.metrics')}</legend>
      {errors['analysis.metrics'] && <p className="text-failing">{errors['analysis.metrics']}</p>}
      {BUILTIN.map((name) => {
        const index = metrics.findIndex((metric) => nameOfMetric(metric) === name)
        const metric = metrics[index]
        return (
          <div key={name} className="metric-row">
            <Checkbox
              label={t(`wizard.metric.${name}`)}
              description={t(`wizard.metric.${name}.means`)}
              checked={index >= 0}
              onChange={(event) =>
                event.currentTarget.checked ? change({ metrics: [name, ...metrics] }) : remove(index)
              }
            />
            {name === 'latency' && metric && (
              <NumberInput
                size="xs"
                className="wizard-short"
                label={t('wizard.objective')}
                value={analysis.objective_ms}
                min={1}
                suffix=" ms"
                error={errors['analysis.objective_ms']}
                onChange={(value) => change({ objective_ms: Number(value) })}
              />
            )}
            {metric && (
              <Checkbox
                size="xs"
                label={t('wizard.dryRun')}
                checked={typeof metric !== 'string' && metric.dry_run}
                onChange={(event) =>
                  replace(index, event.currentTarget.checked ? { ...newMetric(name), dry_run: true } : name)
                }
              />
            )}
          </div>
        )
      })}
      {metrics.map(
        (metric, index) =>
          typeof metric !== 'string' &&
          !BUILTIN.some((name) => name === metric.name) && (
            <CustomMetricFields
              // biome-ignore lint/suspicious/noArrayIndexKey: a metric has no identity but its place while it is named
              key={index}
              metric={metric}
              errors={errors}
              path={`analysis.metrics.${index}`}
              onChange={(next) => replace(index, next)}
              onRemove={() => remove(index)}
            />
          ),
      )}
      <div>
        <Button
          size="xs"
          variant="default"
          leftSection={<IconPlus size={14} />}
          onClick={() => change({ metrics: [...metrics, newMetric('')] })}
        >
          {t('wizard.metric.add')}
        </Button>
      </div>
    </fieldset>
  )
}

function newMetric(name: string): CustomMetric {
  return {
    name,
    promql: '',
    success: '',
    failure: '',
    failure_limit: 0,
    consecutive_success: 1,
    inconclusive_limit: 0,
    error_limit: null,
    dry_run: false,
  }
}

type CustomProps = {
  metric: CustomMetric
  path: string
  errors: Record<string, string>
  onChange: (metric: CustomMetric) => void
  onRemove: () => void
}

function CustomMetricFields({ metric, path, errors, onChange, onRemove }: CustomProps) {
  const t = useText()
  const text = (field: 'name' | 'promql' | 'success' | 'failure', label: string, placeholder: string) => (
    <TextInput
      size="xs"
      label={label}
      placeholder={placeholder}
      className={field === 'promql' ? 'metric-promql' : 'metric-field'}
      value={metric[field]}
      error={errors[`${path}.${field}`]}
      onChange={(event) => onChange({ ...metric, [field]: event.currentTarget.value })}
    />
  )
  return (
    <div className="metric-custom">
      {text('name', t('wizard.metric.name'), 'cart-errors')}
      {text('promql', 'PromQL', 'sum(rate(http_requests_total{job="cart",code=~"5.."}[1m]))')}
      {text('success', t('wizard.metric.success'), 'value < 0.05')}
      {text('failure', t('wizard.metric.failure'), 'value >= 0.1')}
      <NumberInput
        size="xs"
        className="metric-field"
        label={t('wizard.metric.failureLimit')}
        value={metric.failure_limit}
        min={0}
        allowDecimal={false}
        error={errors[`${path}.failure_limit`]}
        onChange={(value) => onChange({ ...metric, failure_limit: Number(value) })}
      />
      <Checkbox
        size="xs"
        label={t('wizard.dryRun')}
        checked={metric.dry_run}
        onChange={(event) => onChange({ ...metric, dry_run: event.currentTarget.checked })}
      />
      <Button size="xs" variant="default" leftSection={<IconTrash size={14} />} onClick={onRemove}>
        {t('wizard.metric.remove')}
      </Button>
      {errors[path] && <p className="text-failing">{errors[path]}</p>}
    </div>
  )
}
