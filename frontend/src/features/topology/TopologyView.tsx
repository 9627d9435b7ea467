import './topology.css'
import './texts'
import { useLocalStorage } from '@mantine/hooks'
import { useMemo, useRef, useState } from 'react'
import { useFrame } from '@/api/freshness'
import { useGraph } from '@/api/useLive'
import { compose } from '@/graph/compose'
import type { FileKind } from '@/graph/export/files'
import { vocabularyOf } from '@/graph/query/complete'
import { asScene, type Scene } from '@/graph/scene'
import { BlockSkeleton, EmptyState, Loaded } from '@/ui/States'
import { useText } from '@/ui/useText'
import { useUrlState } from '@/ui/useUrlState'
import { GraphArea } from './GraphArea'
import type { CanvasHandle } from './GraphCanvas'
import { keysOf, nextFound } from './keys'
import { choiceOf, graphParams, URL_DEFAULTS } from './options'
import { QueryBar } from './QueryBar'
import { PastBanner, ReplayBar } from './ReplayBar'
import { SidePanel } from './SidePanel'
import { TableView } from './TableView'
import { Toolbar, windowLabel } from './Toolbar'
import { useDrawing } from './useDrawing'
import { useExport } from './useExport'
import { useGraphKeys } from './useGraphKeys'
import { useReplay } from './useReplay'

const NO_GRAPH: Scene = { nodes: [], edges: [] }

export function TopologyView() {
  const t = useText()
  const [state, set] = useUrlState(URL_DEFAULTS)
  const params = useParams(state)
  const past = useReplay(state, set, params)
  const replay = past.control
  const live = useGraph(params, replay === null)
  const query = replay ? past.query : live
  useFrame(replay ? null : live.data?.age_s, live.dataUpdatedAt)
  const graph: Scene = useMemo(() => (query.data ? asScene(query.data) : NO_GRAPH), [query.data])
  const choice = useChoice(state)
  const composed = useMemo(() => compose(graph, choice), [graph, choice])
  const drawing = useDrawing(graph, composed, state, set)
  const [isFiltering, setFiltering] = useState(false)
  const [notice, setNotice] = useState('')
  const files = useExport(query.data, composed, drawing, state, setNotice)
  const [isMoving, setMoving] = useLocalStorage({
    key: 'meshui.motion',
    defaultValue: true,
    getInitialValueInEffect: false,
  })
  const canvas = useRef<CanvasHandle>(null)
  const find = useRef<HTMLInputElement>(null)
  const page = { state, set, composed, drawing, canvas, find, replay }
  useGraphKeys(keysOf(page))
  const act = useSteady({
    replay: () => set({ at: String(Math.floor(Date.now() / 1000)) }),
    save: (kind: FileKind) => void files.save(kind),
    share: () => void files.share(),
    vocabulary: () => vocabularyOf(graph),
    next: () => nextFound(page, 1),
  })
  const names = [...new Set(graph.nodes.flatMap((node) => node.namespace ?? []))].sort().join(',')
  const namespaces = useMemo(() => names.split(',').filter(Boolean), [names])
  return (
    <div className="topology">
      <h1 className="visually-hidden">{t('nav.topology')}</h1>
      <Toolbar
        state={state}
        set={set}
        focusKnown={composed.focusKnown}
        namespaces={namespaces}
        isOpen={isFiltering}
        onOpen={setFiltering}
        replaying={replay !== null}
        onReplay={act.replay}
        onExport={act.save}
        onShare={act.share}
      />
      <QueryBar
        state={state}
        set={set}
        foundCount={composed.foundCount}
        hiddenCount={composed.hiddenCount}
        isOpen={isFiltering || state.find !== '' || state.hide !== ''}
        vocabulary={act.vocabulary}
        findRef={find}
        onNext={act.next}
      />
      {replay && <PastBanner control={replay} window={windowLabel(params.window)} />}
      <div className="topology-body">
        <Loaded query={query} source={t('source.graph')} skeleton={<BlockSkeleton height={480} />}>
          {(data) => {
            if (data.nodes.length === 0) {
              return <EmptyState title={t('topology.empty')} next={t('topology.empty.next')} />
            }
            if (state.view === 'table') return <TableView state={state} set={set} composed={composed} />
            return <GraphArea {...page} motion={{ on: isMoving, set: setMoving }} />
          }}
        </Loaded>
        {query.data && state.sel && (
          <SidePanel
            state={state}
            set={set}
            composed={composed}
            graph={graph}
            by={query.data.by}
            past={replay !== null}
          />
        )}
      </div>
      {replay && <ReplayBar control={replay} />}
      <p className="topology-notice" role="status">
        {notice}
      </p>
    </div>
  )
}

function useParams(state: Parameters<typeof graphParams>[0]) {
  const { window, by } = state
  return useMemo(() => graphParams({ window, by }), [window, by])
}

/** Actions that are the same functions for good and do what the latest ones do: bars that get them need no redraw. */
function useSteady<A extends Record<string, (...from: never[]) => unknown>>(actions: A): A {
  const latest = useRef(actions)
  latest.current = actions
  // biome-ignore lint/correctness/useExhaustiveDependencies: the names of the actions are fixed
  return useMemo(() => {
    const steady = Object.keys(actions).map((name) => [
      name,
      (...from: never[]) => latest.current[name]?.(...from),
    ])
    return Object.fromEntries(steady) as A
  }, [])
}

/** The same object while what it was made of is the same: composing again is the dear part. */
function useChoice(state: Parameters<typeof choiceOf>[0]) {
  const { ns, focus, hops, dir, find, hide, open, closed } = state
  return useMemo(
    () => choiceOf({ ns, focus, hops, dir, find, hide, open, closed }),
    [ns, focus, hops, dir, find, hide, open, closed],
  )
}
