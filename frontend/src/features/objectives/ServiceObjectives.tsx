/** What a service promises, what is left of each error budget, and how fast it burns. */
import { Select } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { incidentQueries } from '@/api/incidents'
import { useMay } from '@/api/session'
import type { Budget, BudgetHistory, BudgetSpan, Burn, ServiceObjectives as Promises } from '@/api/types'
import { type Column, DataTable } from '@/ui/DataTable'
import { formatCount, formatFactor, formatPercent, formatShare, formatSpan, NONE } from '@/ui/format'
import { ToneMark } from '@/ui/Mark'
import { Panel } from '@/ui/Panel'
import { BlockSkeleton, EmptyState, Loaded } from '@/ui/States'
import { type ChartMark, TimeChart } from '@/ui/TimeChart'
import { useText } from '@/ui/useText'
import { useUrlState } from '@/ui/useUrlState'
import { EditObjectives } from './EditObjectives'
import { BudgetLeft, burnClass, type ObjectiveKind, promiseWords, StateMark } from './parts'

const SPANS = ['1h', '24h', '7d', '28d'] as const satisfies BudgetSpan[]
const DEFAULTS = { span: '' }

type ServiceObjectivesProps = { service: string; marks: ChartMark[] }

export default function ServiceObjectives({ service, marks }: ServiceObjectivesProps) {
  const t = useText()
  const query = useQuery(incidentQueries.objective(service))
  const mayWrite = useMay('traffic.write', service.split('/')[0])
  return (
    <Loaded query={query} source={t('source.objectives')} skeleton={<BlockSkeleton height={240} />}>
      {({ value, etag }) => {
        const edit = (
          <EditObjectives
            service={service}
            promises={value}
            etag={etag}
            blocked={mayWrite ? undefined : t('alerts.blocked')}
          />
        )
        return value.availability_budget || value.latency_budget ? (
          <Budgets service={service} promises={value} marks={marks} edit={edit} />
        ) : (
          <Panel>
            <EmptyState
              title={t('objectives.none', { service })}
              next={t('objectives.none.next')}
              action={edit}
            />
          </Panel>
        )
      }}
    </Loaded>
  )
}

type BudgetsProps = { service: string; promises: Promises; marks: ChartMark[]; edit: React.ReactNode }

function Budgets({ service, promises, marks, edit }: BudgetsProps) {
  const t = useText()
  const [{ span: asked }, set] = useUrlState(DEFAULTS)
  const parts = [
    { kind: 'availability' as const, budget: promises.availability_budget },
    { kind: 'latency' as const, budget: promises.latency_budget },
  ].filter((part): part is { kind: ObjectiveKind; budget: Budget } => part.budget !== null)
  const span = SPANS.find((each) => each === asked) ?? spanFor(parts[0]?.budget.observed_s ?? 0)
  const history = useQuery(incidentQueries.budgetHistory(service, span))
  return (
    <>
      <div className="row row-end">
        <Select
          size="xs"
          w={144}
          aria-label={t('objectives.span')}
          value={span}
          data={SPANS.map((each) => ({ value: each, label: t(`objectives.span.${each}`) }))}
          allowDeselect={false}
          onChange={(next) => set({ span: next ?? '' })}
        />
        {edit}
      </div>
      <div className="objective-columns">
        {parts.map(({ kind, budget }) => (
          <Panel key={kind} title={t(`objectives.kind.${kind}`)} aside={<StateMark budget={budget} />}>
            <BudgetFacts budget={budget} />
            <Loaded
              query={history}
              source={t('source.budgetHistory')}
              skeleton={<BlockSkeleton height={132} />}
            >
              {(data) => <HistoryChart history={data} kind={kind} marks={marks} />}
            </Loaded>
            <BurnTable kind={kind} burn={budget.burn} />
          </Panel>
        ))}
      </div>
    </>
  )
}

/** The shortest that holds what was observed. */
function spanFor(observedS: number): BudgetSpan {
  if (observedS <= 2 * 3600) return '1h'
  if (observedS <= 2 * 86_400) return '24h'
  return observedS <= 9 * 86_400 ? '7d' : '28d'
}

function BudgetFacts({ budget }: { budget: Budget }) {
  const t = useText()
  const { actual, requests, bad, observed_s: observed } = budget
  return (
    <div className="budget-facts">
      <strong>{promiseWords(budget, t)}</strong>
      <BudgetLeft budget={budget} />
      <span className="muted">
        {actual === null ? NONE : `${formatPercent(actual)}\u00a0%`}{' '}
        {t('objectives.observed', {
          n: requests,
          requests: formatCount(requests),
          bad: formatCount(bad),
          observed: formatSpan(observed),
        })}
      </span>
    </div>
  )
}

type HistoryChartProps = { history: BudgetHistory; kind: ObjectiveKind; marks: ChartMark[] }

/** What is overdrawn counts as nothing left: the scale is of what one can still spend. */
function HistoryChart({ history, kind, marks }: HistoryChartProps) {
  const t = useText()
  const values = history[kind]
  if (!values || values.every((value) => value === null)) {
    return <p className="muted">{t('objectives.history.empty')}</p>
  }
  return (
    <TimeChart
      label={t('objectives.history')}
      times={history.times}
      series={[
        {
          label: t('objectives.left'),
          values: values.map((value) => value && Math.max(0, value)),
          color: '--accent',
        },
      ]}
      format={formatShare}
      marks={marks}
      most={1}
    />
  )
}

function BurnTable({ kind, burn }: { kind: ObjectiveKind; burn: Burn[] }) {
  const t = useText()
  const columns: Column<Burn>[] = [
    {
      key: 'window',
      header: t('objectives.burn.window'),
      cell: ({ long_s: long, short_s: short }) => `${formatSpan(long)} / ${formatSpan(short)}`,
    },
    {
      key: 'burn',
      header: t('objectives.burn'),
      cell: ({ long, short, threshold }) => (
        <>
          <span className={burnClass(long, threshold)}>{formatFactor(long)}</span>
          {' / '}
          <span className={burnClass(short, threshold)}>{formatFactor(short)}</span>
        </>
      ),
      numeric: true,
    },
    {
      key: 'threshold',
      header: t('objectives.burn.threshold'),
      cell: ({ threshold }) => formatFactor(threshold),
      numeric: true,
    },
    {
      key: 'told',
      header: t('objectives.burn.told'),
      cell: ({ severity }) => t(`alerts.severity.${severity}`),
    },
    {
      key: 'state',
      header: t('table.state'),
      cell: ({ firing }) =>
        firing ? (
          <ToneMark tone="failing" label={t('objectives.burn.fires')} />
        ) : (
          <span className="muted">{t('objectives.burn.quiet')}</span>
        ),
    },
  ]
  return (
    <>
      <DataTable
        label={`${t('objectives.burn.title')}, ${t(`objectives.kind.${kind}`)}`}
        columns={columns}
        rows={burn}
        rowKey={({ long_s }) => String(long_s)}
      />
      <p className="muted budget-note">{t('objectives.burn.hint')}</p>
    </>
  )
}
