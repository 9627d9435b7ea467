import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { rolloutQueries } from '@/api/rollouts'
import type { Metrics, Rollout, SeriesName, SideTraffic } from '@/api/types'
import { isActive } from '@/api/useRollouts'
import { type Column, DataTable } from '@/ui/DataTable'
import { formatCount, formatMs, formatRate, formatShare } from '@/ui/format'
import { Panel } from '@/ui/Panel'
import { BlockSkeleton, EmptyState, Loaded } from '@/ui/States'
import { type ChartMark, TimeChart } from '@/ui/TimeChart'
import { useText } from '@/ui/useText'

type Side = { version: string; role: 'canary' | 'stable'; traffic: SideTraffic }

/** The canary against the stable version, side by side: the last minute in numbers while it lasts, all of it in charts. */
export function CockpitCompare({ rollout }: { rollout: Rollout }) {
  const t = useText()
  const { canary, stable, traffic } = rollout
  const sides: Side[] = [
    { version: canary, role: 'canary', traffic: traffic.canary },
    { version: stable, role: 'stable', traffic: traffic.stable },
  ]
  const columns: Column<Side>[] = [
    {
      key: 'version',
      header: t('table.version'),
      cell: ({ version, role }) => (
        <span className="marked">
          <i className={`rollout-swatch is-${role}`} aria-hidden="true" />
          <strong>{version}</strong> <span className="muted">{t(`rollout.role.${role}`)}</span>
        </span>
      ),
    },
    { key: 'rps', header: t('number.rate'), cell: (row) => formatRate(row.traffic.rps), numeric: true },
    {
      key: 'errors',
      header: t('number.errors'),
      cell: (row) => formatShare(row.traffic.error_rate),
      numeric: true,
    },
    { key: 'p50', header: 'p50', cell: (row) => formatMs(row.traffic.p50_ms), numeric: true },
    { key: 'p95', header: 'p95', cell: (row) => formatMs(row.traffic.p95_ms), numeric: true },
    { key: 'p99', header: 'p99', cell: (row) => formatMs(row.traffic.p99_ms), numeric: true },
    {
      key: 'sample',
      header: t('number.sample'),
      cell: (row) => formatCount(row.traffic.sample),
      numeric: true,
    },
  ]
  return (
    <Panel title={t('rollout.compare')} flush>
      {isActive(rollout) && (
        <DataTable label={t('rollout.compare')} columns={columns} rows={sides} rowKey={(row) => row.role} />
      )}
      <div className="compare-charts">
        <Series rollout={rollout} />
      </div>
    </Panel>
  )
}

const LONGEST_S = 6 * 3600
const LEAD_S = 120
const FINE_S = 20 * 60
/** The start of a window that moves is moved seldom, for each move reads it all anew. */
const ROUND_S = 300

/** From shortly before the start to now, or to the end. */
function spanOf(rollout: Rollout): { from: number; to: number | null; step: string } {
  const now = Date.now() / 1000
  const end = rollout.finished_at ? Date.parse(rollout.finished_at) / 1000 + LEAD_S : null
  const start = Date.parse(rollout.started_at ?? rollout.created_at) / 1000 - LEAD_S
  const earliest = Math.floor(((end ?? now) - LONGEST_S) / ROUND_S) * ROUND_S
  const from = Math.max(start, earliest)
  const length = (end ?? now) - from
  return {
    from,
    to: end && end < now ? end : null,
    step: length <= FINE_S ? '5s' : length <= 7200 ? '30s' : '60s',
  }
}

function Series({ rollout }: { rollout: Rollout }) {
  const t = useText()
  const { from, to, step } = spanOf(rollout)
  const query = useQuery(
    rolloutQueries.series({ service: rollout.service, from, to, step, live: isActive(rollout) }),
  )
  return (
    <Loaded query={query} source={t('source.metrics')} skeleton={<BlockSkeleton height={300} />}>
      {(data) =>
        data.times.length === 0 ? (
          <EmptyState title={t('chart.empty')} next={t('chart.empty.next')} />
        ) : (
          <Charts data={data} rollout={rollout} />
        )
      }
    </Loaded>
  )
}

const CHARTS: { series: SeriesName; format: (value: number | null) => string; least?: number }[] = [
  { series: 'rps', format: formatRate },
  { series: 'error_rate', format: formatShare, least: 0.01 },
  { series: 'p95_ms', format: formatMs },
  { series: 'p99_ms', format: formatMs },
]

function Charts({ data, rollout }: { data: Metrics; rollout: Rollout }) {
  const t = useText()
  const { canary, stable } = rollout
  const marks = useMemo(() => weightMarks(rollout), [rollout])
  const { times, of } = useMemo(() => wholeSteps(data), [data])
  const names: Record<SeriesName, string> = {
    rps: t('number.rate'),
    error_rate: t('number.errors'),
    p50_ms: 'p50',
    p95_ms: 'p95',
    p99_ms: 'p99',
  }
  return CHARTS.map(({ series, format, least }) => (
    <TimeChart
      key={series}
      label={names[series]}
      times={times}
      series={[
        { label: canary, values: of(canary, series), color: '--accent' },
        { label: stable, values: of(stable, series), color: '--muted', dashed: true },
      ]}
      format={format}
      least={least}
      marks={marks}
    />
  ))
}

/** Without the step still going on, which would look like a drop. */
function wholeSteps({ times, step_s, by_version }: Metrics) {
  const now = Date.now() / 1000
  const end = times.filter((at) => at + step_s <= now).length
  const gaps = times.slice(0, end).map(() => null)
  return {
    times: times.slice(0, end),
    of: (version: string, series: SeriesName) => by_version[version]?.[series].slice(0, end) ?? gaps,
  }
}

function weightMarks({ steps }: Rollout): ChartMark[] {
  return steps.flatMap(({ kind, weight, started_at }) =>
    kind === 'set_weight' && started_at ? [{ at: Date.parse(started_at) / 1000, label: `${weight} %` }] : [],
  )
}
