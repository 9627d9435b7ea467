/** How loaded each instance of a service is, as its proxy tells: CPU, memory, connections, requests under way. */
import { useMemo } from 'react'
import type { Metrics } from '@/api/types'
import type { TextKey } from '@/text'
import { formatBytes, formatCount, formatPercent, NONE } from '@/ui/format'
import { type ChartMark, type ChartSeries, TimeChart } from '@/ui/TimeChart'
import { wholeRange } from '@/ui/TrafficCharts'
import { useText } from '@/ui/useText'
import { COLORS } from './lineColors'

type Values = (number | null)[]
type Gauge = keyof Metrics['saturation'][string]

const CHARTS: { gauge: Gauge; text: TextKey; format: (value: number | null) => string }[] = [
  { gauge: 'cpu_percent', text: 'series.cpu', format: formatCpu },
  { gauge: 'rss_bytes', text: 'series.memory', format: formatBytes },
  { gauge: 'connections', text: 'series.connections', format: formatCount },
  { gauge: 'active_requests', text: 'series.active', format: formatCount },
]

/** More than 100 % where a proxy keeps several cores busy. */
function formatCpu(percent: number | null): string {
  return percent === null ? NONE : `${formatPercent(percent)}\u00a0%`
}

export function SaturationCharts({ data, marks }: { data: Metrics; marks: ChartMark[] }) {
  const t = useText()
  const { times, lines } = useMemo(() => {
    const [start, end] = wholeRange(data, Date.now() / 1000)
    return { times: data.times.slice(start, end), lines: saturationLines(data, start, end) }
  }, [data])
  if (lines.cpu_percent.length === 0) return null
  return (
    <div className="charts charts-wide series-more">
      {CHARTS.map(({ gauge, text, format }) => (
        <TimeChart
          key={gauge}
          label={`${t(text)}, ${t('series.by.instance').toLowerCase()}`}
          times={times}
          series={lines[gauge]}
          named
          format={format}
          marks={marks}
        />
      ))}
    </div>
  )
}

/** Of the same instances, in the same colours, as the charts of their requests; idle ones after them by their CPU. */
export function saturationLines(
  { by_instance, saturation }: Pick<Metrics, 'by_instance' | 'saturation'>,
  start: number,
  end: number,
): Record<Gauge, ChartSeries[]> {
  const sum = (values: Values = []) => values.reduce<number>((total, value) => total + (value ?? 0), 0)
  const chosen = Object.entries(saturation)
    .map(([id, gauges]) => ({ id, gauges, rps: sum(by_instance[id]?.rps), cpu: sum(gauges.cpu_percent) }))
    .sort((a, b) => b.rps - a.rps || b.cpu - a.cpu)
    .slice(0, COLORS.length)
    .sort((a, b) => (a.id < b.id ? -1 : 1))
  const lines = (gauge: Gauge): ChartSeries[] =>
    chosen.map(({ id, gauges }, index) => ({
      label: id,
      values: gauges[gauge].slice(start, end),
      color: COLORS[index] ?? '--muted',
    }))
  return {
    cpu_percent: lines('cpu_percent'),
    rss_bytes: lines('rss_bytes'),
    connections: lines('connections'),
    active_requests: lines('active_requests'),
  }
}
