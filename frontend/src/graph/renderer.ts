/** What the topology page asks of whatever draws the graph. */
import type { Point, Positions } from './layout'
import type { GraphView } from './model'

export type Palette = {
  background: string
  panel: string
  line: string
  lineStrong: string
  edge: string
  text: string
  muted: string
  accent: string
  healthy: string
  degraded: string
  failing: string
  unknown: string
}

export type RendererEvents = {
  onSelect: (id: string | null) => void
  onMove: (moved: Positions) => void
  /** A namespace is to be drawn with its nodes (`open`), or as one node. */
  onToggle: (namespace: string, open: boolean) => void
}

export interface Renderer {
  /** Draw this graph; elements that did not change are not touched. Nodes need a position to appear. */
  draw(view: GraphView, positions: Positions): void
  select(id: string | null): void
  setPalette(palette: Palette): void
  /** Whether traffic moves along the edges. */
  setMotion(on: boolean): void
  fit(): void
  zoomBy(factor: number): void
  centerOn(id: string): void
  destroy(): void
}

export type Viewport = { zoom: number; pan: Point }

/** Read the colours of the current theme from the style sheet. */
export function readPalette(element: Element): Palette {
  const style = getComputedStyle(element)
  const value = (name: string) => style.getPropertyValue(name).trim()
  return {
    background: value('--bg'),
    panel: value('--panel'),
    line: value('--line'),
    lineStrong: value('--line-strong'),
    edge: value('--edge'),
    text: value('--text'),
    muted: value('--muted'),
    accent: value('--accent'),
    healthy: value('--healthy'),
    degraded: value('--degraded-mark'),
    failing: value('--failing'),
    unknown: value('--unknown'),
  }
}
