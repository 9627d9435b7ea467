import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { rolloutQueries } from '@/api/rollouts'
import type { Measurement, MetricVerdict, Rollout } from '@/api/types'
import { isActive } from '@/api/useRollouts'
import { type Column, DataTable } from '@/ui/DataTable'
import { NONE } from '@/ui/format'
import { ToneMark } from '@/ui/Mark'
import { Panel } from '@/ui/Panel'
import { BlockSkeleton, EmptyState, Loaded } from '@/ui/States'
import { type ChartColor, type ChartSeries, TimeChart } from '@/ui/TimeChart'
import { useText } from '@/ui/useText'
import { evidenceText, formatEvidence, metricName, sampleText, verdictTone } from './stateText'

/** What the analysis says, metric by metric, and how its evidence grew against the limit. */
export function CockpitEvidence({ rollout }: { rollout: Rollout }) {
  const t = useText()
  const query = useQuery(rolloutQueries.measurements(rollout.id, isActive(rollout)))
  const { alpha } = rollout.plan.analysis
  return (
    <Panel title={t('rollout.analysis')} aside={<VerdictMark rollout={rollout} />} flush>
      <MetricTable metrics={rollout.metrics} />
      <div className="panel-body stack">
        <p className="muted explain">{t('rollout.evidence.means', { alpha: `${alpha * 100} %` })}</p>
        <Loaded query={query} source={t('source.measurements')} skeleton={<BlockSkeleton height={180} />}>
          {(measurements) => <EvidenceChart measurements={measurements} />}
        </Loaded>
      </div>
    </Panel>
  )
}

function VerdictMark({ rollout }: { rollout: Rollout }) {
  const t = useText()
  const { verdict } = rollout
  return <ToneMark tone={verdictTone(verdict)} label={t(`rollout.verdict.${verdict.kind}`)} />
}

function MetricTable({ metrics }: { metrics: MetricVerdict[] }) {
  const t = useText()
  if (metrics.length === 0)
    return <EmptyState title={t('rollout.metrics.none')} next={t('rollout.metrics.none.next')} />
  const columns: Column<MetricVerdict>[] = [
    {
      key: 'metric',
      header: t('rollout.metric'),
      cell: (row) => (
        <>
          {metricName(row.name || row.metric, t)}{' '}
          {row.dry_run && <span className="muted">{t('rollout.dryRun')}</span>}
        </>
      ),
    },
    {
      key: 'verdict',
      header: t('rollout.verdict'),
      cell: (row) => <ToneMark tone={verdictTone(row)} label={t(`rollout.verdict.${row.kind}`)} />,
    },
    {
      key: 'canary',
      header: t('rollout.canaryBad'),
      cell: (row) => sampleText(row.canary, t),
      numeric: true,
      long: true,
    },
    {
      key: 'stable',
      header: t('rollout.stableBad'),
      cell: (row) => sampleText(row.baseline, t),
      numeric: true,
      long: true,
    },
    {
      key: 'e',
      header: 'E',
      cell: (row) =>
        row.E === null
          ? NONE
          : t('rollout.evidence.of', { e: formatEvidence(row.E), limit: formatEvidence(row.limit) }),
      numeric: true,
    },
    {
      key: 'why',
      header: t('rollout.means'),
      cell: (row) => row.reason || evidenceText(row, t),
      long: true,
    },
  ]
  return (
    <DataTable
      label={t('rollout.analysis')}
      columns={columns}
      rows={metrics}
      rowKey={(row) => row.name || row.metric}
    />
  )
}

const COLORS: ChartColor[] = ['--accent', '--progress', '--healthy', '--degraded']
const FLOOR = 0.01
const CEILING = 1e12
const MARGIN = 10

function EvidenceChart({ measurements }: { measurements: Measurement[] }) {
  const t = useText()
  const chart = useMemo(() => evidenceSeries(measurements), [measurements])
  if (!chart)
    return <EmptyState title={t('rollout.evidence.empty')} next={t('rollout.evidence.empty.next')} />
  const series: ChartSeries[] = [
    ...chart.metrics.map(([metric, values], index) => ({
      label: metricName(metric, t),
      values,
      color: COLORS[index % COLORS.length] ?? '--accent',
    })),
    {
      label: t('rollout.evidence.limit'),
      values: chart.times.map(() => chart.limit),
      color: '--failing' as const,
      dashed: true,
    },
  ]
  return (
    <TimeChart
      label={t('rollout.evidence.chart')}
      times={chart.times}
      series={series}
      format={formatEvidence}
      log={chart.range}
      height={180}
    />
  )
}

type Evidence = {
  times: number[]
  metrics: [string, (number | null)[]][]
  limit: number
  range: [number, number]
}

/** E of each metric that has one, at common times; null without any. */
export function evidenceSeries(measurements: Measurement[]): Evidence | null {
  const counted = measurements.filter(({ log_e, limit }) => log_e !== null && limit !== null)
  if (counted.length === 0) return null
  const times = [...new Set(counted.map(({ at }) => Math.floor(Date.parse(at) / 1000)))].sort((a, b) => a - b)
  const place = new Map(times.map((at, index) => [at, index]))
  const metrics = new Map<string, (number | null)[]>()
  for (const { metric, at, log_e } of counted) {
    const values = metrics.get(metric) ?? times.map(() => null)
    metrics.set(metric, values)
    const index = place.get(Math.floor(Date.parse(at) / 1000))
    if (index !== undefined) values[index] = Math.min(CEILING, Math.max(FLOOR, Math.exp(log_e ?? 0)))
  }
  const limit = Math.max(...counted.map((each) => each.limit ?? 1))
  const highest = Math.max(limit, ...[...metrics.values()].flat().map((value) => value ?? 0))
  return { times, metrics: [...metrics], limit, range: [FLOOR, decadeAbove(highest * (MARGIN / 2))] }
}

const decadeAbove = (value: number) => 10 ** Math.ceil(Math.log10(value))
