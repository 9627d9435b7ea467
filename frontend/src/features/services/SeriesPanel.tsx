/** The series of a service: any time of the last week, beside an earlier one, told apart as one likes. */
import './texts'
import './services.css'
import { Select } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { queries } from '@/api/queries'
import type { Metrics, MetricsQuery } from '@/api/types'
import type { TextKey, Translate } from '@/text'
import { formatBytesPerSecond, formatMs, formatRate, formatShare, formatSpan } from '@/ui/format'
import { Panel } from '@/ui/Panel'
import { type ChartColor, type ChartMark, type ChartSeries, TimeChart } from '@/ui/TimeChart'
import { TrafficCharts, wholeRange } from '@/ui/TrafficCharts'
import { useText } from '@/ui/useText'
import { useUrlState } from '@/ui/useUrlState'
import { COLORS } from './lineColors'
import { SaturationCharts } from './SaturationCharts'

const RANGES = { '15m': 900, '1h': 3600, '6h': 21_600, '24h': 86_400, '7d': 604_800 } as const
type Range = keyof typeof RANGES
const COMPARES = ['none', '1h', '24h', '7d'] as const
type Compare = (typeof COMPARES)[number]
const GROUPS = ['none', 'version', 'route', 'instance'] as const
type Group = (typeof GROUPS)[number]
const DEFAULTS = { range: '15m', compare: 'none', by: 'none' }

/** A week has steps of two hours, which an hour does not fill. */
export function comparesFor(range: Range): Compare[] {
  return COMPARES.filter((each) => !(range === '7d' && each === '1h'))
}

/** What the address asks for; what it cannot have is left out. */
export function askedOf(state: typeof DEFAULTS): { range: Range; compare: Compare; by: Group } {
  const range = (state.range in RANGES ? state.range : '15m') as Range
  return {
    range,
    compare: comparesFor(range).find((each) => each === state.compare) ?? 'none',
    by: GROUPS.find((each) => each === state.by) ?? 'none',
  }
}

export function queryFor(service: string, { range, compare, by }: ReturnType<typeof askedOf>): MetricsQuery {
  return {
    service,
    ...(range === '15m' ? { step: '10s' } : {}),
    ...(compare === 'none' ? {} : { compare }),
    ...(by === 'none' ? {} : { by }),
  }
}

type SeriesPanelProps = { service: string; marks: ChartMark[] }

export function SeriesPanel({ service, marks }: SeriesPanelProps) {
  const t = useText()
  const [state, set] = useUrlState(DEFAULTS)
  const asked = askedOf(state)
  const query = queryFor(service, asked)
  const spanSeconds = RANGES[asked.range]
  const { data } = useQuery(queries.metrics(query, spanSeconds))
  return (
    <Panel
      title={t('series.title')}
      aside={
        <>
          {data && <span className="series-source">{sourceWords(data, t)}</span>}
          <Choice
            label={t('series.range')}
            value={asked.range}
            options={Object.keys(RANGES) as Range[]}
            text={(each) => t(`series.range.${each}`)}
            onChange={(range) => set({ range })}
          />
          <Choice
            label={t('series.compare')}
            value={asked.compare}
            options={comparesFor(asked.range)}
            text={(each) => t(`series.compare.${each}`)}
            onChange={(compare) => set({ compare })}
          />
          <Choice
            label={t('series.by')}
            value={asked.by}
            options={GROUPS}
            text={(each) => t(`series.by.${each}`)}
            onChange={(by) => set({ by })}
          />
        </>
      }
    >
      <TrafficCharts
        query={query}
        spanSeconds={spanSeconds}
        marks={marks}
        ago={asked.compare === 'none' ? undefined : t(`series.compare.${asked.compare}`)}
        wide
      />
      {data && asked.by !== 'none' && <Groups data={data} by={asked.by} marks={marks} />}
      {data && asked.by === 'instance' && <SaturationCharts data={data} marks={marks} />}
      {data && <Details data={data} marks={marks} />}
    </Panel>
  )
}

function sourceWords({ source, step_s }: Metrics, t: Translate): string {
  return t('series.source', { source: t(`series.source.${source}`), step: formatSpan(step_s) })
}

type ChoiceProps<T extends string> = {
  label: string
  value: T
  options: readonly T[]
  text: (value: T) => string
  onChange: (value: T) => void
}

function Choice<T extends string>({ label, value, options, text, onChange }: ChoiceProps<T>) {
  return (
    <Select
      size="xs"
      w={168}
      aria-label={label}
      value={value}
      data={options.map((each) => ({ value: each, label: text(each) }))}
      allowDeselect={false}
      onChange={(next) => next !== null && onChange(next as T)}
    />
  )
}

type GroupsProps = { data: Metrics; by: Exclude<Group, 'none'>; marks: ChartMark[] }

/** A line for each version, route or instance: those with the most requests. */
function Groups({ data, by, marks }: GroupsProps) {
  const t = useText()
  const { times, charts } = useMemo(() => {
    const [start, end] = wholeRange(data, Date.now() / 1000)
    return { times: data.times.slice(start, end), charts: groupCharts(data[`by_${by}`], start, end) }
  }, [data, by])
  if (charts.rate.length === 0) return <p className="muted series-more">{t('series.by.empty')}</p>
  const title = (key: TextKey) => `${t(key)}, ${t(`series.by.${by}`).toLowerCase()}`
  return (
    <div className="charts charts-wide series-more">
      <TimeChart
        label={title('number.rate')}
        times={times}
        series={charts.rate}
        named
        format={formatRate}
        marks={marks}
      />
      <TimeChart
        label={title('number.errors')}
        times={times}
        series={charts.errors}
        named
        least={0.01}
        format={formatShare}
        marks={marks}
      />
      <TimeChart
        label={`${title('number.latency')}, p99`}
        times={times}
        series={charts.latency}
        named
        format={formatMs}
        marks={marks}
      />
    </div>
  )
}

export function groupCharts(groups: Record<string, Metrics['series']>, start: number, end: number) {
  const most = (values: (number | null)[]) => values.reduce<number>((sum, value) => sum + (value ?? 0), 0)
  const chosen = Object.entries(groups)
    .sort(([, a], [, b]) => most(b.rps) - most(a.rps))
    .slice(0, COLORS.length)
    .sort(([a], [b]) => (a < b ? -1 : 1))
  const lines = (name: keyof Metrics['series']): ChartSeries[] =>
    chosen.map(([label, series], index) => ({
      label,
      values: series[name].slice(start, end),
      color: COLORS[index] ?? '--muted',
    }))
  return { rate: lines('rps'), errors: lines('error_rate'), latency: lines('p99_ms') }
}

const CODE_COLORS: Record<string, ChartColor> = {
  '2xx': '--healthy',
  '3xx': '--progress',
  '4xx': '--degraded',
  '5xx': '--failing',
  '0': '--muted',
}

/** Responses by class, response flags where there were some, and bytes. */
function Details({ data, marks }: { data: Metrics; marks: ChartMark[] }) {
  const t = useText()
  const { times, codes, flags, bytes } = useMemo(() => {
    const { details } = data
    const [start, end] = wholeRange(data, Date.now() / 1000)
    const line = (label: string, values: (number | null)[], color: ChartColor) => ({
      label,
      values: values.slice(start, end),
      color,
    })
    return {
      times: data.times.slice(start, end),
      codes: Object.entries(details.codes).map(([code, values]) =>
        line(code === '0' ? t('series.code.0') : code, values, CODE_COLORS[code] ?? '--accent'),
      ),
      flags: Object.entries(details.flags)
        .slice(0, COLORS.length)
        .map(([flag, values], index) => line(flag, values, COLORS[index] ?? '--muted')),
      bytes: [
        line(t('series.bytes.in'), details.bytes_in_per_s, '--accent'),
        line(t('series.bytes.out'), details.bytes_out_per_s, '--progress'),
      ],
    }
  }, [data, t])
  return (
    <div className="charts charts-wide series-more">
      {codes.length > 0 && (
        <TimeChart
          label={t('series.codes')}
          times={times}
          series={codes}
          named
          format={formatRate}
          marks={marks}
        />
      )}
      {flags.length > 0 && (
        <TimeChart
          label={t('series.flags')}
          times={times}
          series={flags}
          named
          format={formatRate}
          marks={marks}
        />
      )}
      <TimeChart
        label={t('series.bytes')}
        times={times}
        series={bytes}
        format={formatBytesPerSecond}
        marks={marks}
      />
    </div>
  )
}
