import { useQuery } from '@tanstack/react-query'
import { lazy, Suspense, useMemo, useState } from 'react'
import { queries } from '@/api/queries'
import type { Subject } from '@/api/traces'
import type { Metrics, MetricsQuery } from '@/api/types'
import { formatMs, formatRate, formatShare } from './format'
import { RequestLinks } from './RequestLinks'
import { BlockSkeleton, EmptyState, Loaded } from './States'
import { type ChartColor, type ChartMark, TimeChart } from './TimeChart'
import { useText } from './useText'

const MomentTraces = lazy(() => import('./MomentTraces'))

type TrafficChartsProps = {
  query: MetricsQuery
  spanSeconds: number
  marks?: ChartMark[]
  wide?: boolean
  /** What `query.compare` is, in words. */
  ago?: string
}

/** Rate, errors and latency of the mesh, a service or an edge. */
export function TrafficCharts({ query, spanSeconds, marks, wide, ago }: TrafficChartsProps) {
  const t = useText()
  const metrics = useQuery(queries.metrics(query, spanSeconds))
  return (
    <Loaded
      query={metrics}
      source={t('source.metrics')}
      skeleton={<BlockSkeleton height={wide ? 160 : 440} />}
    >
      {(data) => {
        const { times, series, earlier } = wholeSteps(data, Date.now() / 1000)
        return times.length === 0 ? (
          <EmptyState title={t('chart.empty')} next={t('chart.empty.next')} />
        ) : (
          <Charts
            times={times}
            series={series}
            earlier={earlier}
            ago={ago}
            marks={marks}
            wide={wide}
            subject={subjectOf(query)}
            stepSeconds={data.step_s}
          />
        )
      }}
    </Loaded>
  )
}

/** Whose requests have traces; of the whole mesh there are too many to be examples. */
function subjectOf({ service, edge }: MetricsQuery): Subject | undefined {
  if (edge) return { edge }
  return service ? { service } : undefined
}

/** A chart shows at least this many steps, also when history is younger. */
const LEAST_STEPS = 6

/** The steps without those before the first number, and the one still going on, which would look like a drop. */
export function wholeRange(
  { times, series, step_s: step }: Metrics,
  now: number,
): [start: number, end: number] {
  const end = times.filter((at) => at + step <= now).length
  const first = times.findIndex((_, index) => Object.values(series).some((values) => values[index] != null))
  return [Math.max(0, Math.min(first, end - LEAST_STEPS)), end]
}

export function wholeSteps(
  data: Metrics,
  now: number,
): Pick<Metrics, 'times' | 'series'> & { earlier: Metrics['series'] | null } {
  const { times, series, compare } = data
  const [start, end] = wholeRange(data, now)
  const cut = (whole: Metrics['series']) =>
    Object.fromEntries(
      Object.entries(whole).map(([name, values]) => [name, values.slice(start, end)]),
    ) as Metrics['series']
  return {
    times: times.slice(start, end),
    series: cut(series),
    earlier: compare && cut(compare.series),
  }
}

type Series = Partial<Record<string, (number | null)[]>>

type ChartsProps = {
  times: number[]
  series: Series
  /** The same steps at an earlier time, and when that was, in words. */
  earlier: Series | null
  ago?: string
  marks?: ChartMark[]
  wide?: boolean
  subject?: Subject
  stepSeconds: number
}

/** A click on a moment shows requests of it. */
function Charts({ times, series, earlier, ago, marks, wide, subject, stepSeconds }: ChartsProps) {
  const t = useText()
  const [picked, setPicked] = useState<number | null>(null)
  const onPick = subject && setPicked
  const charts = useMemo(() => {
    const gaps = times.map(() => null)
    const one = (label: string, name: string, color: ChartColor) => ({
      label,
      values: series[name] ?? gaps,
      color,
    })
    const then = (label: string, name: string) =>
      earlier
        ? [
            {
              label: `${label}, ${ago}`,
              values: earlier[name] ?? gaps,
              color: '--muted' as const,
              dashed: true,
            },
          ]
        : []
    return {
      rate: [one(t('number.rate'), 'rps', '--accent'), ...then(t('number.rate'), 'rps')],
      errors: [one(t('number.errors'), 'error_rate', '--failing'), ...then(t('number.errors'), 'error_rate')],
      latency: [
        one('p50', 'p50_ms', '--healthy'),
        one('p95', 'p95_ms', '--progress'),
        one('p99', 'p99_ms', '--accent'),
        ...then('p99', 'p99_ms'),
      ],
    }
  }, [times, series, earlier, ago, t])
  return (
    <>
      {subject && (
        <p className="chart-hint">
          <RequestLinks subject={subject} />
          {t('moment.hint')}
        </p>
      )}
      <div className={wide ? 'charts charts-wide' : 'charts'}>
        <TimeChart
          label={t('number.rate')}
          times={times}
          series={charts.rate}
          format={formatRate}
          marks={marks}
          onPick={onPick}
        />
        <TimeChart
          label={t('number.errors')}
          times={times}
          series={charts.errors}
          least={0.01}
          format={formatShare}
          marks={marks}
          onPick={onPick}
        />
        <TimeChart
          label={t('number.latency')}
          times={times}
          series={charts.latency}
          format={formatMs}
          marks={marks}
          onPick={onPick}
        />
      </div>
      {subject && picked !== null && (
        <Suspense>
          <MomentTraces
            subject={subject}
            at={picked}
            stepSeconds={stepSeconds}
            onClose={() => setPicked(null)}
          />
        </Suspense>
      )}
    </>
  )
}
