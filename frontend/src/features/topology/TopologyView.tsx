import './topology.css'
import { useLocalStorage } from '@mantine/hooks'
import { useEffect, useMemo, useRef, useState } from 'react'
import { useFrame } from '@/api/freshness'
import { useMe } from '@/api/session'
import type { Graph } from '@/api/types'
import { useGraph } from '@/api/useLive'
import { toView, visibleGraph } from '@/graph/model'
import type { Sort } from '@/ui/DataTable'
import { EdgeTable } from '@/ui/EdgeTable'
import { BlockSkeleton, EmptyState, Loaded } from '@/ui/States'
import { useText } from '@/ui/useText'
import { useUrlState } from '@/ui/useUrlState'
import { type CanvasHandle, GraphCanvas } from './GraphCanvas'
import { graphParams, type TopologyState, URL_DEFAULTS, viewOptions } from './options'
import { SidePanel } from './SidePanel'
import { Toolbar, ViewButtons } from './Toolbar'
import { useLayout } from './useLayout'

type SetState = (patch: Partial<TopologyState>) => void

export function TopologyView() {
  const t = useText()
  const [state, set] = useUrlState(URL_DEFAULTS)
  const params = graphParams(state)
  const query = useGraph(params)
  useFrame(query.data?.age_s, query.dataUpdatedAt)
  const namespaces = useMemo(
    () => [...new Set(query.data?.nodes.flatMap((node) => node.namespace ?? []))].sort(),
    [query.data?.nodes],
  )
  return (
    <div className="topology">
      <h1 className="visually-hidden">{t('nav.topology')}</h1>
      <Toolbar state={{ ...state, ...params }} set={set} namespaces={namespaces} />
      <div className="topology-body">
        <Loaded query={query} source={t('source.graph')} skeleton={<BlockSkeleton height={480} />}>
          {(graph) => <GraphOrTable graph={graph} state={state} set={set} />}
        </Loaded>
        {query.data && state.sel && <SidePanel graph={query.data} selected={state.sel} set={set} />}
      </div>
    </div>
  )
}

type ShownProps = { graph: Graph; state: TopologyState; set: SetState }

function GraphOrTable({ graph, state, set }: ShownProps) {
  const t = useText()
  if (graph.nodes.length === 0) {
    return <EmptyState title={t('topology.empty')} next={t('topology.empty.next')} />
  }
  return state.view === 'table' ? (
    <TableView graph={graph} state={state} set={set} />
  ) : (
    <GraphView graph={graph} state={state} set={set} />
  )
}

function GraphView({ graph, state, set }: ShownProps) {
  const username = useMe().data?.username ?? ''
  const { positions, move, reset } = useLayout(graph, `meshui.layout.${username}.${graph.by}`)
  const [motion, setMotion] = useLocalStorage({
    key: 'meshui.motion',
    defaultValue: true,
    getInitialValueInEffect: false,
  })
  const canvas = useRef<CanvasHandle>(null)
  const [handle, setHandle] = useState<CanvasHandle | null>(null)
  const { label, ns, focus, hops } = state
  const view = useMemo(
    () => toView(graph, viewOptions({ ...state, label, ns, focus, hops })),
    [graph, label, ns, focus, hops, state],
  )
  useEffect(() => setHandle(canvas.current), [])
  useCanvasKeys(handle, set)
  return (
    <div className="graph-area">
      <GraphCanvas
        ref={canvas}
        view={view}
        positions={positions}
        selected={state.sel || null}
        motion={motion}
        onSelect={(id) => set({ sel: id ?? '' })}
        onMove={move}
      />
      <ViewButtons
        canvas={handle}
        motion={motion}
        onMotion={setMotion}
        onReset={() => {
          reset()
          handle?.fit()
        }}
      />
    </div>
  )
}

/** `+`, `-` and `0` zoom, Escape lets go of the selection. */
function useCanvasKeys(canvas: CanvasHandle | null, set: SetState): void {
  const latest = useRef(set)
  latest.current = set
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const typing = event.target instanceof HTMLElement && /^(INPUT|TEXTAREA)$/.test(event.target.tagName)
      if (typing || event.ctrlKey || event.metaKey) return
      if (event.key === '+' || event.key === '=') canvas?.zoomBy(1.25)
      else if (event.key === '-') canvas?.zoomBy(0.8)
      else if (event.key === '0') canvas?.fit()
      else if (event.key === 'Escape') latest.current({ sel: '' })
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [canvas])
}

function TableView({ graph, state, set }: ShownProps) {
  const t = useText()
  const [sort, setSort] = useState<Sort>({ key: 'health', descending: true })
  const { edges } = visibleGraph(graph, viewOptions(state))
  return (
    <div className="edge-table-area">
      <EdgeTable
        label={t('topology.table')}
        nameHeader={t('table.edge')}
        edges={edges}
        sort={sort}
        onSort={setSort}
        selected={state.sel}
        name={(edge) => (
          <button type="button" className="link-button" onClick={() => set({ sel: edge.id })}>
            {edge.source} → {edge.target}
          </button>
        )}
      />
    </div>
  )
}
