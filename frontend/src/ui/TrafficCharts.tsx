import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { queries } from '@/api/queries'
import type { Metrics, MetricsQuery } from '@/api/types'
import { formatMs, formatRate, formatShare } from './format'
import { BlockSkeleton, EmptyState, Loaded } from './States'
import { type ChartColor, type ChartMark, TimeChart } from './TimeChart'
import { useText } from './useText'

type TrafficChartsProps = { query: MetricsQuery; spanSeconds: number; marks?: ChartMark[]; wide?: boolean }

/** Rate, errors and latency of the mesh, a service or an edge. */
export function TrafficCharts({ query, spanSeconds, marks, wide }: TrafficChartsProps) {
  const t = useText()
  const metrics = useQuery(queries.metrics(query, spanSeconds))
  return (
    <Loaded
      query={metrics}
      source={t('source.metrics')}
      skeleton={<BlockSkeleton height={wide ? 160 : 440} />}
    >
      {(data) => {
        const { times, series } = wholeSteps(data, Date.now() / 1000)
        return times.length === 0 ? (
          <EmptyState title={t('chart.empty')} next={t('chart.empty.next')} />
        ) : (
          <Charts times={times} series={series} marks={marks} wide={wide} />
        )
      }}
    </Loaded>
  )
}

/** Without the step that is still going on, which would look like a drop. */
export function wholeSteps(
  { times, series, step_s: step }: Metrics,
  now: number,
): Pick<Metrics, 'times' | 'series'> {
  const count = times.filter((at) => at + step <= now).length
  const cut = Object.entries(series).map(([name, values]) => [name, values.slice(0, count)])
  return { times: times.slice(0, count), series: Object.fromEntries(cut) as Metrics['series'] }
}

type Series = Partial<Record<string, (number | null)[]>>

function Charts({
  times,
  series,
  marks,
  wide,
}: {
  times: number[]
  series: Series
  marks?: ChartMark[]
  wide?: boolean
}) {
  const t = useText()
  const charts = useMemo(() => {
    const gaps = times.map(() => null)
    const one = (label: string, name: string, color: ChartColor) => ({
      label,
      values: series[name] ?? gaps,
      color,
    })
    return {
      rate: [one(t('number.rate'), 'rps', '--accent')],
      errors: [one(t('number.errors'), 'error_rate', '--failing')],
      latency: [
        one('p50', 'p50_ms', '--healthy'),
        one('p95', 'p95_ms', '--progress'),
        one('p99', 'p99_ms', '--accent'),
      ],
    }
  }, [times, series, t])
  return (
    <div className={wide ? 'charts charts-wide' : 'charts'}>
      <TimeChart
        label={t('number.rate')}
        times={times}
        series={charts.rate}
        format={formatRate}
        marks={marks}
      />
      <TimeChart
        label={t('number.errors')}
        times={times}
        series={charts.errors}
        least={0.01}
        format={formatShare}
        marks={marks}
      />
      <TimeChart
        label={t('number.latency')}
        times={times}
        series={charts.latency}
        format={formatMs}
        marks={marks}
      />
    </div>
  )
}
