/** What the keys of the page do. */
import type { RefObject } from 'react'
import { collapsedId } from '@/graph/collapse'
import { type Composed, DIRECTIONS } from '@/graph/compose'
import { boxOfNode, serviceOf } from '@/graph/scene'
import type { CanvasHandle } from './GraphCanvas'
import { neighbourOf } from './neighbour'
import { focusOf, MOST_HOPS, type SetState, type TopologyState, togglePatch } from './options'
import type { Drawing } from './useDrawing'
import type { GraphKeys } from './useGraphKeys'
import type { ReplayControl } from './useReplay'

export type Page = {
  state: TopologyState
  set: SetState
  composed: Composed
  drawing: Drawing
  canvas: RefObject<CanvasHandle | null>
  find: RefObject<HTMLInputElement | null>
  replay: ReplayControl | null
}

const ZOOM = 1.25
const ARROWS = ['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown']

export function keysOf(page: Page): GraphKeys {
  const { state, set, canvas, find, replay } = page
  const zoom = (factor: number) => canvas.current?.zoomBy(factor)
  return new Map([
    ['+', () => zoom(ZOOM)],
    ['=', () => zoom(ZOOM)],
    ['-', () => zoom(1 / ZOOM)],
    ['0', () => canvas.current?.fit()],
    ['/', () => find.current?.focus()],
    ['n', () => nextFound(page, 1)],
    ['N', () => nextFound(page, -1)],
    ['f', () => focusOnSelected(page)],
    ['F', () => set({ focus: '', hops: '1', dir: 'both' })],
    ['[', () => moreHops(page, -1)],
    [']', () => moreHops(page, 1)],
    ['d', () => nextDirection(page)],
    ['c', () => toggleSelected(page)],
    ['Enter', () => openSelected(page)],
    ['Escape', () => set({ sel: '' })],
    ['r', () => (replay ? replay.leave() : set({ at: String(Math.floor(Date.now() / 1000)) }))],
    [' ', () => replay?.setPlaying(!replay.playing)],
    [',', () => replay?.step(-1)],
    ['.', () => replay?.step(1)],
    ['t', () => set({ view: state.view === 'table' ? 'graph' : 'table' })],
    ...ARROWS.map((key): [string, () => void] => [key, () => walk(page, key)]),
  ])
}

function show({ set, canvas }: Page, id: string): void {
  set({ sel: id })
  canvas.current?.centerOn(id)
}

/** The next node or edge that the query found, in the order of their names. */
export function nextFound(page: Page, step: 1 | -1): void {
  const found = [...(page.composed.found ?? [])].sort()
  if (found.length === 0) return
  const at = found.indexOf(page.state.sel)
  const next = at < 0 ? (step > 0 ? 0 : found.length - 1) : (at + step + found.length) % found.length
  show(page, found[next] as string)
}

function selectedNode({ state, composed }: Page) {
  const { scene } = composed
  const edge = scene.edges.find((each) => each.id === state.sel)
  return scene.nodes.find((node) => node.id === (edge?.target ?? state.sel))
}

function focusOnSelected(page: Page): void {
  const node = selectedNode(page)
  if (node && node.kind !== 'namespace') page.set({ focus: serviceOf(node) })
}

function moreHops({ state, set }: Page, more: number): void {
  const focus = focusOf(state)
  if (focus) set({ hops: String(Math.min(MOST_HOPS, Math.max(1, focus.hops + more))) })
}

function nextDirection({ state, set }: Page): void {
  const focus = focusOf(state)
  if (focus) set({ dir: DIRECTIONS[(DIRECTIONS.indexOf(focus.direction) + 1) % DIRECTIONS.length] })
}

function toggleSelected(page: Page): void {
  const node = selectedNode(page)
  if (node?.kind === 'namespace') openSelected(page)
  const box = node && boxOfNode(node)
  if (box) page.set({ ...togglePatch(page.state, box, false), sel: collapsedId(box) })
}

function openSelected(page: Page): void {
  const node = selectedNode(page)
  if (node?.kind === 'namespace') page.set({ ...togglePatch(page.state, node.name, true), sel: '' })
}

function walk(page: Page, key: string): void {
  if (page.state.view === 'table') return
  const ids = page.composed.scene.nodes.map((node) => node.id)
  const next = neighbourOf(page.state.sel, key, ids, page.drawing.positions)
  if (next) show(page, next)
}
