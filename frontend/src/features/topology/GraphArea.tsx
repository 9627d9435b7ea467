/** The drawn graph with what stands on it: buttons, and what there is to say about it. */
import { ActionIcon, Button, Tooltip } from '@mantine/core'
import {
  IconFocusCentered,
  IconMinus,
  IconPlayerPause,
  IconPlayerPlay,
  IconPlus,
  IconRefresh,
} from '@tabler/icons-react'
import { type RefObject, useEffect, useRef } from 'react'
import { movedTogether } from '@/graph/arrange'
import { MOST_OPEN_NODES } from '@/graph/collapse'
import type { Composed } from '@/graph/compose'
import type { Positions } from '@/graph/layout'
import { EmptyState } from '@/ui/States'
import { useText } from '@/ui/useText'
import { type CanvasHandle, GraphCanvas } from './GraphCanvas'
import { type SetState, type TopologyState, togglePatch } from './options'
import type { Drawing } from './useDrawing'

export type Motion = { on: boolean; set: (on: boolean) => void }

type GraphAreaProps = {
  composed: Composed
  drawing: Drawing
  state: TopologyState
  set: SetState
  canvas: RefObject<CanvasHandle | null>
  motion: Motion
}

export function GraphArea({ composed, drawing, state, set, canvas, motion }: GraphAreaProps) {
  const t = useText()
  const { view, positions, layout } = drawing
  /** Every node moves by what the drawn one moved: members of a collapsed namespace stay as they stand to one another. */
  const move = (moved: Positions) => {
    const next: Positions = {}
    for (const [id, to] of Object.entries(moved)) {
      const from = positions[id] ?? to
      for (const member of movedTogether(id, composed.open)) {
        const stood = layout.positions[member]
        if (stood) next[member] = { x: stood.x + to.x - from.x, y: stood.y + to.y - from.y }
      }
    }
    layout.move(next)
  }
  useFit(canvas, state)
  return (
    <div className="graph-area">
      <GraphCanvas
        ref={canvas}
        view={view}
        positions={positions}
        selected={state.sel || null}
        motion={motion.on}
        onSelect={(id) => set({ sel: id ?? '' })}
        onMove={move}
        onToggle={(namespace, open) => set(togglePatch(state, namespace, open))}
      />
      {view.nodes.length === 0 && <NothingLeft set={set} />}
      <Notes composed={composed} layout={layout} set={set} />
      <ViewButtons
        canvas={canvas}
        motion={motion}
        onReset={() => {
          layout.reset()
          canvas.current?.fit()
        }}
      />
      <span className="visually-hidden" role="status">
        {t('topology.namespace.members', { n: view.nodes.length })}
      </span>
    </div>
  )
}

/** What somebody narrowed, or opened, is brought into the frame; what arrives by itself moves nothing. */
function useFit(canvas: RefObject<CanvasHandle | null>, state: TopologyState): void {
  const { ns, focus, hops, dir, open, closed, by } = state
  const chosen = JSON.stringify([ns, focus, hops, dir, open, closed, by])
  const before = useRef(chosen)
  useEffect(() => {
    if (before.current === chosen) return
    before.current = chosen
    canvas.current?.fit()
  }, [canvas, chosen])
}

function NothingLeft({ set }: { set: SetState }) {
  const t = useText()
  const all = { hide: '', focus: '', hops: '1', dir: 'both', ns: '' }
  return (
    <div className="graph-nothing">
      <EmptyState
        title={t('topology.nothingLeft')}
        next={t('topology.nothingLeft.next')}
        action={
          <Button size="xs" variant="default" onClick={() => set(all)}>
            {t('topology.showAll')}
          </Button>
        }
      />
    </div>
  )
}

/** Why the graph looks other than one might expect. */
function Notes({
  composed,
  layout,
  set,
}: Pick<GraphAreaProps, 'composed' | 'set'> & Pick<Drawing, 'layout'>) {
  const t = useText()
  const { open, closed } = composed
  const boxes = new Set(open.nodes.flatMap((node) => (node.kind === 'gateway' ? [] : (node.namespace ?? []))))
  return (
    <div className="graph-notes">
      {closed.size > 0 && open.nodes.length > MOST_OPEN_NODES && (
        <p>{t('topology.boxes.collapsed', { n: closed.size, all: boxes.size, nodes: open.nodes.length })}</p>
      )}
      {layout.shared && (
        <p>
          {t('topology.shared')}{' '}
          <button type="button" className="link-button" onClick={() => set({ layout: '' })}>
            {t('topology.shared.drop')}
          </button>
        </p>
      )}
    </div>
  )
}

type ViewButtonsProps = {
  canvas: RefObject<CanvasHandle | null>
  motion: Motion
  onReset: () => void
}

function ViewButtons({ canvas, motion, onReset }: ViewButtonsProps) {
  const t = useText()
  const buttons = [
    { label: t('topology.zoomIn'), icon: IconPlus, run: () => canvas.current?.zoomBy(1.25) },
    { label: t('topology.zoomOut'), icon: IconMinus, run: () => canvas.current?.zoomBy(0.8) },
    { label: t('topology.fit'), icon: IconFocusCentered, run: () => canvas.current?.fit() },
    { label: t('topology.reset'), icon: IconRefresh, run: onReset },
    {
      label: motion.on ? t('topology.pause') : t('topology.play'),
      icon: motion.on ? IconPlayerPause : IconPlayerPlay,
      run: () => motion.set(!motion.on),
    },
  ]
  return (
    <div className="view-buttons">
      {buttons.map(({ label, icon: Icon, run }) => (
        <Tooltip key={label} label={label} position="left">
          <ActionIcon variant="default" size={30} aria-label={label} onClick={run}>
            <Icon size={16} />
          </ActionIcon>
        </Tooltip>
      ))}
    </div>
  )
}
