import './topology.css'
import { useComputedColorScheme } from '@mantine/core'
import { useReducedMotion } from '@mantine/hooks'
import { type Ref, useEffect, useImperativeHandle, useRef } from 'react'
import { CytoscapeRenderer } from '@/graph/cytoscapeRenderer'
import type { Positions } from '@/graph/layout'
import type { GraphView } from '@/graph/model'
import { type Renderer, type RendererEvents, readPalette } from '@/graph/renderer'
import { useText } from '@/ui/useText'

export type CanvasHandle = Pick<Renderer, 'fit' | 'zoomBy' | 'centerOn'>

type GraphCanvasProps = RendererEvents & {
  view: GraphView
  positions: Positions
  selected: string | null
  motion: boolean
  ref: Ref<CanvasHandle>
}

/** The drawn graph. All it shows is also in the table view, which a screen reader can use. */
export function GraphCanvas({ view, positions, selected, motion, ref, ...handlers }: GraphCanvasProps) {
  const t = useText()
  const host = useRef<HTMLDivElement>(null)
  const renderer = useRef<Renderer>(null)
  const events = useRef<RendererEvents>(handlers)
  events.current = handlers
  const scheme = useComputedColorScheme('light', { getInitialValueInEffect: false })
  const still = useReducedMotion(false, { getInitialValueInEffect: false })

  useEffect(() => {
    if (!host.current) return
    const created = new CytoscapeRenderer(host.current, readPalette(host.current), {
      onSelect: (id) => events.current.onSelect(id),
      onMove: (moved) => events.current.onMove(moved),
      onToggle: (namespace, open) => events.current.onToggle(namespace, open),
    })
    renderer.current = created
    return () => created.destroy()
  }, [])

  useEffect(() => {
    // The attribute that switches the style sheet is set in the same commit; colours are read after it.
    const frame = requestAnimationFrame(() => {
      if (host.current && scheme) renderer.current?.setPalette(readPalette(host.current))
    })
    return () => cancelAnimationFrame(frame)
  }, [scheme])
  useEffect(() => renderer.current?.draw(view, positions), [view, positions])
  useEffect(() => renderer.current?.select(selected), [selected])
  useEffect(() => renderer.current?.setMotion(motion && !still), [motion, still])

  useImperativeHandle(ref, () => ({
    fit: () => renderer.current?.fit(),
    zoomBy: (factor) => renderer.current?.zoomBy(factor),
    centerOn: (id) => renderer.current?.centerOn(id),
  }))
  return <div ref={host} className="graph-canvas" role="img" aria-label={t('topology.canvas')} />
}
