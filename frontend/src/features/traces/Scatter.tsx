/** Traces by when and how long they were. A click opens one, a drawn box narrows the search to what is in it. */
import 'uplot/dist/uPlot.min.css'
import '@/ui/chart.css'
import { useComputedColorScheme } from '@mantine/core'
import { useEffect, useRef } from 'react'
import uPlot from 'uplot'
import type { TracePoint, TracePoints } from '@/api/types'
import { formatMs } from '@/ui/format'
import { useText } from '@/ui/useText'
import { type Brush, durationScale, nearest, type Placed, timeScale } from './points'

type ScatterProps = {
  data: TracePoints
  from: string
  to: string
  label: string
  onOpen: (traceId: string) => void
  onBrush: (brush: Brush) => void
}

const HEIGHT = 200
const REACH = 14
const LEAST_BRUSH = 4
const RADIUS = 3

export function Scatter({ data, from, to, label, onOpen, onBrush }: ScatterProps) {
  const t = useText()
  const host = useRef<HTMLDivElement>(null)
  const tip = useRef<HTMLDivElement>(null)
  const latest = useRef({ onOpen, onBrush, t })
  latest.current = { onOpen, onBrush, t }
  const scheme = useComputedColorScheme('light', { getInitialValueInEffect: false })

  // biome-ignore lint/correctness/useExhaustiveDependencies: the scheme changes the colours
  useEffect(() => {
    const element = host.current
    if (!element) return
    const style = getComputedStyle(element)
    const chart = new ScatterChart(element, (name) => style.getPropertyValue(name).trim(), {
      points: data.points,
      x: timeScale(data, from, to),
      y: durationScale(data.points),
      onOpen: (id) => latest.current.onOpen(id),
      onBrush: (brush) => latest.current.onBrush(brush),
      onHover: (found, x, y) => {
        if (!tip.current) return
        tip.current.textContent = found ? tipText(found, latest.current.t) : ''
        tip.current.style.transform = `translate(${x}px, ${y}px)`
      },
    })
    const observer = new ResizeObserver(() => chart.resize(element.clientWidth))
    observer.observe(element)
    return () => {
      observer.disconnect()
      chart.destroy()
    }
  }, [data, from, to, scheme])

  return (
    <figure className="chart traces-scatter">
      <figcaption>
        <span>{t('traces.scatter')}</span>
        <span className="traces-legend">
          <span className="marked">
            <svg width="8" height="8" aria-hidden="true">
              <circle cx="4" cy="4" r="3" className="traces-ok" />
            </svg>
            {t('traces.ok')}
          </span>
          <span className="marked">
            <svg width="10" height="10" viewBox="0 0 10 10" aria-hidden="true">
              <path d="M5 0 10 5 5 10 0 5z" className="traces-bad" />
            </svg>
            {t('traces.failed')}
          </span>
        </span>
      </figcaption>
      <div ref={host} className="traces-plot" role="img" aria-label={label} />
      <div ref={tip} className="traces-tip" aria-hidden="true" />
    </figure>
  )
}

function tipText(point: TracePoint, t: ReturnType<typeof useText>): string {
  const at = new Date(point.at * 1000).toLocaleTimeString([], { hourCycle: 'h23' })
  return `${at} · ${formatMs(point.duration_ms)}${point.error ? ` · ${t('traces.failed')}` : ''}`
}

type Drawn = {
  points: readonly TracePoint[]
  x: [number, number]
  y: [number, number]
  onOpen: (traceId: string) => void
  onBrush: (brush: Brush) => void
  onHover: (point: TracePoint | null, x: number, y: number) => void
}

/** The canvas: axes by uPlot, points by ourselves, failed ones as diamonds above the others. */
class ScatterChart {
  private readonly plot: uPlot
  private placed: Placed[] = []
  private brushed = false

  constructor(
    element: HTMLElement,
    private readonly color: (name: string) => string,
    private readonly drawn: Drawn,
  ) {
    const ordered = [...drawn.points].sort((a, b) => a.at - b.at)
    const data = [ordered.map(({ at }) => at), ordered.map(({ duration_ms }) => duration_ms)]
    this.plot = new uPlot(this.options(element.clientWidth), data as uPlot.AlignedData, element)
    this.plot.over.addEventListener('click', (event) => this.clicked(event))
    this.plot.over.addEventListener('mousemove', (event) => this.moved(event))
    this.plot.over.addEventListener('mouseleave', () => drawn.onHover(null, 0, 0))
  }

  resize(width: number): void {
    this.plot.setSize({ width, height: HEIGHT })
  }

  destroy(): void {
    this.plot.destroy()
  }

  private options(width: number): uPlot.Options {
    const axis: uPlot.Axis = {
      stroke: this.color('--muted'),
      font: '11px system-ui, sans-serif',
      grid: { stroke: this.color('--line'), width: 1 },
      ticks: { show: false },
    }
    return {
      width,
      height: HEIGHT,
      padding: [8, 16, 0, 0],
      legend: { show: false },
      cursor: {
        points: { show: false },
        drag: { x: true, y: true, uni: 24, setScale: false },
        bind: { dblclick: () => null },
      },
      scales: {
        x: { time: true, range: () => this.drawn.x },
        y: { distr: 3, log: 10, range: () => this.drawn.y },
      },
      axes: [
        { ...axis, space: 80, size: 24, values: (_plot, splits) => this.clocks(splits) },
        {
          ...axis,
          size: 66,
          splits: () => powers(this.drawn.y),
          values: (_plot, splits) => splits.map(formatMs),
        },
      ],
      series: [{}, { paths: () => null, points: { show: false } }],
      hooks: {
        draw: [(plot) => this.draw(plot)],
        setSelect: [(plot) => this.selected(plot)],
      },
    }
  }

  private clocks(splits: number[]): string[] {
    const [from, to] = this.drawn.x
    const second = to - from < 600 ? ({ second: '2-digit' } as const) : {}
    return splits.map((each) =>
      new Date(each * 1000).toLocaleTimeString([], {
        hour: '2-digit',
        minute: '2-digit',
        ...second,
        hourCycle: 'h23',
      }),
    )
  }

  private draw(plot: uPlot): void {
    const { ctx } = plot
    const place = (point: TracePoint, canvas: boolean): Placed => ({
      point,
      x: plot.valToPos(point.at, 'x', canvas),
      y: plot.valToPos(Math.max(point.duration_ms, 0.001), 'y', canvas),
    })
    this.placed = this.drawn.points.map((point) => place(point, false))
    ctx.save()
    ctx.beginPath()
    ctx.rect(plot.bbox.left, plot.bbox.top, plot.bbox.width, plot.bbox.height)
    ctx.clip()
    const each = this.drawn.points.map((point) => place(point, true))
    this.fill(
      ctx,
      each.filter(({ point }) => !point.error),
      '--accent',
      circle,
    )
    this.fill(
      ctx,
      each.filter(({ point }) => point.error),
      '--failing',
      diamond,
    )
    ctx.restore()
  }

  private fill(ctx: CanvasRenderingContext2D, placed: Placed[], color: string, shape: Shape): void {
    ctx.fillStyle = this.color(color)
    ctx.globalAlpha = shape === circle ? 0.55 : 1
    const size = RADIUS * devicePixelRatio
    for (const { x, y } of placed) {
      ctx.beginPath()
      shape(ctx, x, y, size)
      ctx.fill()
    }
  }

  private selected(plot: uPlot): void {
    const { left, top, width, height } = plot.select
    if (width < LEAST_BRUSH && height < LEAST_BRUSH) return
    this.brushed = true
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
    this.drawn.onBrush({
      from: plot.posToVal(left, 'x'),
      to: plot.posToVal(left + width, 'x'),
      min: plot.posToVal(top + height, 'y'),
      max: plot.posToVal(top, 'y'),
    })
  }

  /** The end of a drag is a click too, of which the browser tells after the selection. */
  private clicked({ offsetX, offsetY }: MouseEvent): void {
    const { brushed } = this
    this.brushed = false
    const point = brushed ? null : nearest(this.placed, offsetX, offsetY, REACH)
    if (point) this.drawn.onOpen(point.trace_id)
  }

  private moved({ offsetX, offsetY }: MouseEvent): void {
    const point = nearest(this.placed, offsetX, offsetY, REACH)
    this.plot.over.style.cursor = point ? 'pointer' : 'crosshair'
    const { offsetLeft, offsetTop } = this.plot.over
    this.drawn.onHover(point, offsetX + offsetLeft, offsetY + offsetTop)
  }
}

type Shape = (ctx: CanvasRenderingContext2D, x: number, y: number, size: number) => void

const circle: Shape = (ctx, x, y, size) => ctx.arc(x, y, size, 0, 2 * Math.PI)

const diamond: Shape = (ctx, x, y, size) => {
  const reach = size * 1.7
  ctx.moveTo(x, y - reach)
  ctx.lineTo(x + reach, y)
  ctx.lineTo(x, y + reach)
  ctx.lineTo(x - reach, y)
}

function powers([from, to]: readonly [number, number]): number[] {
  const first = Math.round(Math.log10(from))
  return Array.from({ length: Math.round(Math.log10(to)) - first + 1 }, (_, index) => 10 ** (first + index))
}
