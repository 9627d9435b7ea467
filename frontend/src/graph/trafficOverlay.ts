/**
 * The canvas above the graph: dots that move in proportion to traffic, the locks of secured edges, and the fine
 * line that keeps the thin end of an edge visible.
 * It draws only while something moves or changed, and never while the tab is hidden.
 */
import type { Health } from '@/api/types'
import { type EdgePath, pathLength, pointOn } from './paths'
import type { Palette, Viewport } from './renderer'

export type OverlayEdge = {
  id: string
  rps: number
  errorRate: number
  health: Health
  secured: boolean
  dimmed: boolean
  /** Where the label stands, and how much it hides to either side, as shares of the edge. */
  labelAt: number
  labelHalf: number
}

/** Dots a second on an edge: all requests up to this many, then by the logarithm. */
const EXACT_RPS = 4
const MAX_DOTS = 1500
/** Model pixels a second. */
const SPEED = 110
/** From where the edge leaves its caller, model pixels. */
const LOCK_AT = 30
const LINE_WIDTH = 1.25

type Dot = { edge: string; at: number; failed: boolean }
type Emitter = { due: number; failures: number }

export function dotRate(rps: number): number {
  return rps <= EXACT_RPS ? rps : EXACT_RPS + 3 * Math.log10(rps / EXACT_RPS)
}

export class TrafficOverlay {
  private readonly canvas = document.createElement('canvas')
  private readonly context: CanvasRenderingContext2D | null
  private edges = new Map<string, OverlayEdge>()
  private paths = new Map<string, EdgePath>()
  private emitters = new Map<string, Emitter>()
  private dots: Dot[] = []
  private frame = 0
  private last = 0
  private moving = false

  constructor(
    private readonly container: HTMLElement,
    private palette: Palette,
    private readonly viewport: () => Viewport,
  ) {
    this.canvas.className = 'graph-overlay'
    this.context = this.canvas.getContext('2d')
    container.append(this.canvas)
    document.addEventListener('visibilitychange', this.onVisibility)
    this.resize()
  }

  setEdges(edges: OverlayEdge[], paths: Map<string, EdgePath>): void {
    this.edges = new Map(edges.map((edge) => [edge.id, edge]))
    this.paths = paths
    for (const id of this.emitters.keys()) if (!this.edges.has(id)) this.emitters.delete(id)
    this.redraw()
  }

  setPalette(palette: Palette): void {
    this.palette = palette
    this.redraw()
  }

  setMotion(on: boolean): void {
    this.moving = on
    this.dots = []
    this.last = 0
    this.redraw()
  }

  resize(): void {
    const ratio = window.devicePixelRatio || 1
    this.canvas.width = this.container.clientWidth * ratio
    this.canvas.height = this.container.clientHeight * ratio
    this.redraw()
  }

  /** Draw at the next frame; while traffic moves every frame is drawn anyway. */
  redraw(): void {
    if (this.frame === 0 && !document.hidden) this.frame = requestAnimationFrame((now) => this.tick(now))
  }

  destroy(): void {
    document.removeEventListener('visibilitychange', this.onVisibility)
    cancelAnimationFrame(this.frame)
    this.canvas.remove()
  }

  private readonly onVisibility = () => {
    cancelAnimationFrame(this.frame)
    this.frame = 0
    this.redraw()
  }

  private tick(now: number): void {
    this.frame = 0
    // A pause (a hidden tab) must not release all its dots at once.
    const seconds = this.last ? Math.min(0.1, (now - this.last) / 1000) : 0
    this.last = now
    if (this.moving) {
      this.advance(seconds)
      if (this.hasTraffic()) this.redraw()
      else this.last = 0
    }
    this.paint()
  }

  private hasTraffic(): boolean {
    return this.dots.length > 0 || [...this.edges.values()].some((edge) => edge.rps > 0 && !edge.dimmed)
  }

  private advance(seconds: number): void {
    for (const dot of this.dots) {
      const path = this.paths.get(dot.edge)
      dot.at += path ? (SPEED * seconds) / pathLength(path) : 2
    }
    this.dots = this.dots.filter((dot) => dot.at < 1)
    for (const edge of this.edges.values()) {
      if (!edge.dimmed) this.emit(edge, seconds)
    }
  }

  private emit(edge: OverlayEdge, seconds: number): void {
    const emitter = this.emitters.get(edge.id) ?? { due: phaseOf(edge.id), failures: 0 }
    emitter.due += dotRate(edge.rps) * seconds
    while (emitter.due >= 1) {
      emitter.due -= 1
      emitter.failures += edge.errorRate
      const failed = emitter.failures >= 1
      if (failed) emitter.failures -= 1
      if (this.dots.length < MAX_DOTS) this.dots.push({ edge: edge.id, at: 0, failed })
    }
    this.emitters.set(edge.id, emitter)
  }

  private paint(): void {
    const context = this.context
    if (!context) return
    const ratio = window.devicePixelRatio || 1
    const { zoom, pan } = this.viewport()
    context.setTransform(1, 0, 0, 1, 0, 0)
    context.clearRect(0, 0, this.canvas.width, this.canvas.height)
    context.setTransform(zoom * ratio, 0, 0, zoom * ratio, pan.x * ratio, pan.y * ratio)
    this.paintLines(context, zoom)
    if (zoom > 0.55) this.paintLocks(context)
    this.paintDots(context)
  }

  /** The tapering edge ends in a point; past its label a line of even width leads on to the callee. */
  private paintLines(context: CanvasRenderingContext2D, zoom: number): void {
    context.lineWidth = LINE_WIDTH / Math.min(1, zoom)
    for (const edge of this.edges.values()) {
      const path = this.paths.get(edge.id)
      if (!path || path.bend) continue
      const start = pointOn(path, Math.min(1, edge.labelAt + edge.labelHalf))
      context.globalAlpha = edge.dimmed ? 0.2 : edge.health === 'idle' || edge.health === 'unknown' ? 0.5 : 1
      context.strokeStyle = this.edgeColor(edge.health)
      context.beginPath()
      context.moveTo(start.x, start.y)
      context.lineTo(path.to.x, path.to.y)
      context.stroke()
    }
    context.globalAlpha = 1
  }

  private edgeColor(health: Health): string {
    if (health === 'failing' || health === 'degraded') return this.palette[health]
    return this.palette.edge
  }

  private paintDots(context: CanvasRenderingContext2D): void {
    context.fillStyle = this.palette.text
    for (const dot of this.dots) if (!dot.failed) this.paintDot(context, dot, 1.8)
    context.fillStyle = this.palette.failing
    for (const dot of this.dots) if (dot.failed) this.paintDot(context, dot, 4)
  }

  private paintDot(context: CanvasRenderingContext2D, dot: Dot, size: number): void {
    const path = this.paths.get(dot.edge)
    const edge = this.edges.get(dot.edge)
    if (!path || !edge) return
    // Dots pass unseen behind the label.
    if (Math.abs(dot.at - edge.labelAt) < edge.labelHalf) return
    const { x, y } = pointOn(path, dot.at)
    context.beginPath()
    if (dot.failed) {
      context.moveTo(x, y - size)
      context.lineTo(x + size, y)
      context.lineTo(x, y + size)
      context.lineTo(x - size, y)
    } else context.arc(x, y, size, 0, 2 * Math.PI)
    context.fill()
  }

  private paintLocks(context: CanvasRenderingContext2D): void {
    for (const edge of this.edges.values()) {
      const path = this.paths.get(edge.id)
      if (!path || !edge.secured) continue
      const { x, y } = pointOn(path, Math.min(0.5, LOCK_AT / pathLength(path)))
      context.globalAlpha = edge.dimmed ? 0.2 : 1
      context.fillStyle = this.palette.background
      context.beginPath()
      context.arc(x, y, 7.5, 0, 2 * Math.PI)
      context.fill()
      context.fillStyle = this.palette.muted
      context.strokeStyle = this.palette.muted
      context.lineWidth = 1.2
      context.fillRect(x - 3.4, y - 1, 6.8, 5)
      context.beginPath()
      context.arc(x, y - 1, 2.2, Math.PI, 2 * Math.PI)
      context.stroke()
    }
    context.globalAlpha = 1
  }
}

/** Edges start at different moments, the same ones each time. */
function phaseOf(id: string): number {
  let hash = 0
  for (const char of id) hash = (hash * 31 + char.charCodeAt(0)) % 997
  return hash / 997
}
