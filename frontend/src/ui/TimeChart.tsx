/** A time series on uPlot, with a cursor shared by every chart of the page and marks for changes. */
import 'uplot/dist/uPlot.min.css'
import './chart.css'
import { useComputedColorScheme } from '@mantine/core'
import { useEffect, useRef } from 'react'
import uPlot from 'uplot'
import { currentLocale } from '@/text'
import { useText } from './useText'

export type ChartSeries = { label: string; values: (number | null)[]; color: ChartColor; dashed?: boolean }
export type ChartColor = '--accent' | '--failing' | '--degraded' | '--healthy' | '--muted' | '--progress'
export type ChartMark = { at: number; label: string }

type TimeChartProps = {
  label: string
  times: number[]
  series: ChartSeries[]
  format: (value: number | null) => string
  marks?: ChartMark[]
  height?: number
  /** The top of the scale while all values are zero. */
  least?: number
  /** The top of the scale, whatever the values are. */
  most?: number
  /** The ends of a logarithmic scale; without it the scale is linear from zero. */
  log?: readonly [number, number]
  /** Whether a single series is named too. */
  named?: boolean
  /** What a click on a moment (Unix seconds) does. Offer the same to keyboards elsewhere. */
  onPick?: (at: number) => void
}

/** A label says the minute. */
const TICKS_S = [
  60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400, 172_800, 345_600, 604_800,
]
const MOST_DECADES = 6
const SYNC_KEY = 'page'
/** Labels of marks nearer than this would lie on one another. */
const LABEL_ROOM = 32

export function TimeChart({
  label,
  times,
  series,
  format,
  marks = [],
  height = 132,
  least = 1,
  most,
  log,
  named,
  onPick,
}: TimeChartProps) {
  useText()
  const host = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot>(null)
  const latest = useRef({ marks, format, log, onPick })
  latest.current = { marks, format, log, onPick }
  const scheme = useComputedColorScheme('light', { getInitialValueInEffect: false })
  const shape = JSON.stringify([
    series.map(({ label: name, color, dashed }) => [name, color, dashed]),
    scheme,
    height,
  ])

  // biome-ignore lint/correctness/useExhaustiveDependencies: `shape` names everything a new plot depends on
  useEffect(() => {
    const element = host.current
    if (!element) return
    const style = getComputedStyle(element)
    const color = (name: string) => style.getPropertyValue(name).trim()
    const created = new uPlot(
      options({ series, color, height, least, most, width: element.clientWidth, latest }),
      [times, ...series.map(({ values }) => values)] as uPlot.AlignedData,
      element,
    )
    plot.current = created
    const observer = new ResizeObserver(() => created.setSize({ width: element.clientWidth, height }))
    observer.observe(element)
    return () => {
      observer.disconnect()
      created.destroy()
      plot.current = null
    }
  }, [shape])

  useEffect(() => {
    plot.current?.setData([times, ...series.map(({ values }) => values)] as uPlot.AlignedData)
  }, [times, series])

  return (
    <figure className="chart">
      <figcaption>
        <span>{label}</span>
        <span className="chart-now">{summary(series, format, named)}</span>
      </figcaption>
      <div
        ref={host}
        className={onPick && 'chart-pick'}
        role="img"
        aria-label={`${label}: ${summary(series, format, named)}`}
      />
    </figure>
  )
}

/** The newest value of each series, in words. */
function summary(series: ChartSeries[], format: (value: number | null) => string, named = false): string {
  return series
    .map(({ label, values }) => {
      const newest = values.findLast((value) => value !== null) ?? null
      return named || series.length > 1 ? `${label} ${format(newest)}` : format(newest)
    })
    .join(' · ')
}

type Latest = {
  current: {
    marks: ChartMark[]
    format: (value: number | null) => string
    log: readonly [number, number] | undefined
    onPick: ((at: number) => void) | undefined
  }
}

type Drawing = {
  series: ChartSeries[]
  color: (name: string) => string
  height: number
  width: number
  least: number
  most: number | undefined
  latest: Latest
}

function options({ series, color, height, width, least, most, latest }: Drawing): uPlot.Options {
  const font = '11px system-ui, sans-serif'
  const axis: uPlot.Axis = {
    stroke: color('--muted'),
    font,
    grid: { stroke: color('--line'), width: 1 },
    ticks: { show: false },
  }
  return {
    width,
    height,
    padding: [8, 16, 0, 0],
    legend: { show: false },
    cursor: { sync: { key: SYNC_KEY }, points: { size: 6 }, drag: { x: false, y: false } },
    scales: { y: latest.current.log ? logScale(latest) : linearScale(least, most) },
    axes: [
      { ...axis, space: 72, size: 24, incrs: TICKS_S, values: (_plot, ticks) => ticks.map(moments(ticks)) },
      {
        ...axis,
        size: 66,
        space: 32,
        splits: latest.current.log ? () => decades(latest.current.log ?? [1, 10]) : undefined,
        values: (_plot, ticks) => ticks.map((tick) => (tick === null ? '' : latest.current.format(tick))),
      },
    ],
    series: [
      {},
      ...series.map((each) => ({
        label: each.label,
        stroke: color(each.color),
        width: 1.5,
        dash: each.dashed ? [4, 4] : undefined,
        points: { show: false },
        spanGaps: false,
      })),
    ],
    hooks: {
      draw: [(plot) => drawMarks(plot, latest.current.marks, color('--accent'))],
      setCursor: [(plot) => tip(plot, series, latest)],
      ready: [(plot) => plot.over.addEventListener('click', () => pick(plot, latest))],
    },
  }
}

function linearScale(least: number, most: number | undefined): uPlot.Scale {
  return { range: (_plot, _min, max) => [0, most ?? (max > 0 ? max * 1.1 : least)] }
}

/** Few enough powers of ten for their labels to stand apart. */
function decades([from, to]: readonly [number, number]): number[] {
  const first = Math.ceil(Math.log10(from))
  const last = Math.floor(Math.log10(to))
  const step = Math.max(1, Math.ceil((last - first) / MOST_DECADES))
  return Array.from(
    { length: Math.floor((last - first) / step) + 1 },
    (_, index) => 10 ** (first + index * step),
  )
}

function logScale(latest: Latest): uPlot.Scale {
  return { distr: 3, log: 10, range: () => [...(latest.current.log ?? [1, 10])] }
}

const LONG_S = 36 * 3600

/** Times of day, or days where the ticks span more than one. */
function moments(ticks: number[]): (seconds: number) => string {
  const span = (ticks.at(-1) ?? 0) - (ticks[0] ?? 0)
  return span > LONG_S ? day : clock
}

function day(seconds: number): string {
  return new Date(seconds * 1000).toLocaleDateString(currentLocale(), { day: 'numeric', month: 'short' })
}

function clock(seconds: number): string {
  return new Date(seconds * 1000).toLocaleTimeString([], {
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  })
}

function drawMarks(plot: uPlot, marks: ChartMark[], stroke: string): void {
  const { ctx, bbox } = plot
  ctx.save()
  ctx.strokeStyle = stroke
  ctx.fillStyle = stroke
  ctx.textAlign = 'left'
  ctx.setLineDash([3, 3])
  ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`
  let labelled = Number.NEGATIVE_INFINITY
  for (const { at, label } of [...marks].sort((a, b) => a.at - b.at)) {
    const x = plot.valToPos(at, 'x', true)
    if (x < bbox.left || x > bbox.left + bbox.width) continue
    ctx.beginPath()
    ctx.moveTo(x, bbox.top)
    ctx.lineTo(x, bbox.top + bbox.height)
    ctx.stroke()
    if (x - labelled < LABEL_ROOM * devicePixelRatio) continue
    labelled = x
    ctx.fillText(label, x + 3 * devicePixelRatio, bbox.top + 10 * devicePixelRatio)
  }
  ctx.restore()
}

function pick(plot: uPlot, latest: Latest): void {
  const at = plot.data[0][plot.cursor.idx ?? -1]
  if (at !== undefined) latest.current.onPick?.(at)
}

/** While the cursor is on the page's charts, the caption tells the values under it. */
function tip(plot: uPlot, series: ChartSeries[], latest: Latest): void {
  const caption = plot.root.parentElement?.parentElement?.querySelector('.chart-tip')
  const target = caption ?? addTip(plot)
  const index = plot.cursor.idx
  if (!target) return
  if (index == null || (plot.cursor.left ?? -1) < 0) {
    target.textContent = ''
    return
  }
  const at = plot.data[0][index]
  const values = series.map(({ label }, each) => {
    const value = latest.current.format(plot.data[each + 1]?.[index] ?? null)
    return series.length > 1 ? `${label} ${value}` : value
  })
  target.textContent = at === undefined ? '' : `${clock(at)}  ${values.join(' · ')}`
}

function addTip(plot: uPlot): Element {
  const element = document.createElement('div')
  element.className = 'chart-tip'
  plot.over.append(element)
  return element
}
