import { ActionIcon, Button, NumberInput, Select, TextInput } from '@mantine/core'
import { IconArrowDown, IconArrowUp, IconPlus, IconTrash } from '@tabler/icons-react'
import type { PlanStep, StepKind } from '@/api/types'
import type { Translate } from '@/text'
import { type Column, DataTable } from '@/ui/DataTable'
import { formatRate, formatWeight } from '@/ui/format'
import { useText } from '@/ui/useText'
import { stepsOf } from './draft'
import { formatDuration } from './durations'
import { MatchFields } from './MatchFields'
import { StepsTimeline } from './StepsTimeline'
import { matchText } from './stateText'
import { type Audience, kindOf, movedStep, newStep, STEP_KINDS, type TimedStep } from './steps'
import type { StepProps } from './useWizard'

/** Step 3: what happens in which order, how long it takes, and who meets the canary meanwhile. */
export function WizardStepsTable({ draft, set, errors, facts }: StepProps) {
  const t = useText()
  const steps = stepsOf(draft)
  const setSteps = (next: PlanStep[]) => set({ steps: { ...draft.steps, [draft.strategy]: next } })
  const replace = (index: number, step: PlanStep) =>
    setSteps(steps.map((each, at) => (at === index ? step : each)))
  const edited = draft.steps[draft.strategy] !== undefined
  const columns = useColumns({
    errors,
    last: steps.length - 1,
    rps: facts.rps,
    onChange: replace,
    onMove: (from, to) => setSteps(movedStep(steps, from, to)),
    onRemove: (index) => setSteps(steps.filter((_, at) => at !== index)),
  })
  return (
    <>
      <StepsTimeline timed={facts.timed} />
      {errors.steps && (
        <p className="text-failing" role="alert">
          {errors.steps}
        </p>
      )}
      <div className="steps-table">
        <DataTable
          label={t('wizard.step.steps')}
          columns={columns}
          rows={facts.timed}
          rowKey={(row) => String(row.index)}
        />
      </div>
      <div className="row">
        <Button
          size="xs"
          variant="default"
          leftSection={<IconPlus size={14} />}
          onClick={() => setSteps([...steps, newStep(kindAfter(steps.at(-1)))])}
        >
          {t('wizard.step.add')}
        </Button>
        {edited && (
          <Button
            size="xs"
            variant="default"
            onClick={() => set({ steps: { ...draft.steps, [draft.strategy]: undefined } })}
          >
            {t('wizard.steps.reset', { strategy: t(`rollout.strategy.${draft.strategy}`) })}
          </Button>
        )}
      </div>
    </>
  )
}

/** The kind that usually follows. */
function kindAfter(step: PlanStep | undefined): StepKind {
  if (!step) return 'set_weight'
  const kind = kindOf(step)
  if (kind === 'bake') return 'analyse'
  return kind === 'analyse' ? 'set_weight' : 'bake'
}

type RowActions = {
  errors: Record<string, string>
  last: number
  rps: number | null
  onChange: (index: number, step: PlanStep) => void
  onMove: (from: number, to: number) => void
  onRemove: (index: number) => void
}

function useColumns({ errors, last, rps, onChange, onMove, onRemove }: RowActions): Column<TimedStep>[] {
  const t = useText()
  return [
    {
      key: 'kind',
      header: t('wizard.step.what'),
      cell: ({ index, step }) => (
        <span className="step-kind">
          <span className="muted">{index + 1}</span>
          <Select
            size="xs"
            aria-label={t('wizard.step.kindOf', { n: index + 1 })}
            value={kindOf(step)}
            data={STEP_KINDS.map((value) => ({ value, label: t(`rollout.kind.${value}`) }))}
            allowDeselect={false}
            onChange={(kind) => kind && onChange(index, newStep(kind as StepKind))}
          />
        </span>
      ),
    },
    {
      key: 'setting',
      header: t('wizard.step.setting'),
      cell: ({ index, step }) => (
        <StepSetting
          n={index + 1}
          step={step}
          error={errors[`steps.${index}`]}
          onChange={(next) => onChange(index, next)}
        />
      ),
      long: true,
    },
    {
      key: 'who',
      header: t('wizard.step.who'),
      cell: ({ audience }) => audienceText(audience, rps, t),
      long: true,
    },
    {
      key: 'start',
      header: t('wizard.step.start'),
      cell: ({ startMs }) => (startMs === 0 ? t('wizard.step.now') : `+${formatDuration(startMs)}`),
      numeric: true,
    },
    {
      key: 'lasts',
      header: t('wizard.step.lasts'),
      cell: ({ ms, waits }) =>
        ms === null
          ? t('wizard.waits.person')
          : waits === 'evidence'
            ? `≥ ${formatDuration(ms)}`
            : formatDuration(ms),
      numeric: true,
    },
    {
      key: 'actions',
      header: t('table.actions'),
      cell: ({ index }) => (
        <span className="step-actions">
          <ActionIcon
            variant="default"
            disabled={index === 0}
            aria-label={t('wizard.step.up', { n: index + 1 })}
            onClick={() => onMove(index, index - 1)}
          >
            <IconArrowUp size={14} />
          </ActionIcon>
          <ActionIcon
            variant="default"
            disabled={index === last}
            aria-label={t('wizard.step.down', { n: index + 1 })}
            onClick={() => onMove(index, index + 1)}
          >
            <IconArrowDown size={14} />
          </ActionIcon>
          <ActionIcon
            variant="default"
            aria-label={t('wizard.step.remove', { n: index + 1 })}
            onClick={() => onRemove(index)}
          >
            <IconTrash size={14} />
          </ActionIcon>
        </span>
      ),
      numeric: true,
    },
  ]
}

const percent = (share: number) => formatWeight(Number((share * 100).toFixed(2)))

/** Who meets the canary: a share, some requests for certain, copies, or nobody. */
export function audienceText(
  { share, mirrored, matches }: Audience,
  rps: number | null,
  t: Translate,
): string {
  const parts = [
    share > 0
      ? t(rps === null ? 'wizard.who.share' : 'wizard.who.shareRate', {
          share: percent(share),
          rate: formatRate((rps ?? 0) * share),
        })
      : '',
    matches.length ? t('wizard.who.match', { match: matches.map(matchText).join(' | ') }) : '',
    mirrored > 0 ? t('wizard.who.mirror', { share: percent(mirrored) }) : '',
  ].filter(Boolean)
  return parts.length ? parts.join('; ') : t('wizard.who.nobody')
}

type SettingProps = {
  n: number
  step: PlanStep
  error: string | undefined
  onChange: (step: PlanStep) => void
}

function StepSetting({ n, step, error, onChange }: SettingProps) {
  const t = useText()
  const label = (what: string) => t('wizard.setting', { what, n })
  if ('set_weight' in step) {
    return (
      <NumberInput
        size="xs"
        className="step-number"
        aria-label={label(t('rollout.weight'))}
        value={step.set_weight}
        min={0}
        max={100}
        allowDecimal={false}
        suffix=" %"
        error={error}
        onChange={(value) => onChange({ set_weight: value === '' ? Number.NaN : Number(value) })}
      />
    )
  }
  if ('bake' in step) {
    return (
      <TextInput
        size="xs"
        className="step-number"
        aria-label={label(t('wizard.step.duration'))}
        placeholder="60s"
        value={step.bake}
        error={error}
        onChange={(event) => onChange({ bake: event.currentTarget.value })}
      />
    )
  }
  if ('set_mirror' in step) {
    return (
      <NumberInput
        size="xs"
        className="step-number"
        aria-label={label(t('rollout.mirror'))}
        value={step.set_mirror.percent}
        min={0}
        max={100}
        suffix=" %"
        error={error}
        onChange={(value) =>
          onChange({ set_mirror: { ...step.set_mirror, percent: value === '' ? Number.NaN : Number(value) } })
        }
      />
    )
  }
  if ('webhook' in step) {
    return (
      <TextInput
        size="xs"
        aria-label={label('URL')}
        placeholder="https://"
        value={step.webhook.url}
        error={error}
        onChange={(event) => onChange({ webhook: { url: event.currentTarget.value } })}
      />
    )
  }
  if ('set_match' in step)
    return (
      <MatchFields
        n={n}
        matches={step.set_match}
        error={error}
        onChange={(set_match) => onChange({ set_match })}
      />
    )
  if (error) return <span className="text-failing">{error}</span>
  return (
    <span className="muted">{t(`wizard.setting.${kindOf(step) as 'analyse' | 'approve' | 'pause'}`)}</span>
  )
}
