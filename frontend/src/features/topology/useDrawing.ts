import { useMemo } from 'react'
import { useMe } from '@/api/session'
import { arrange } from '@/graph/arrange'
import type { Composed } from '@/graph/compose'
import type { Positions } from '@/graph/layout'
import { type GraphView, toView } from '@/graph/model'
import type { Scene } from '@/graph/scene'
import { useText } from '@/ui/useText'
import { nodeName } from './names'
import { edgeLabel, graphParams, type SetState, type TopologyState } from './options'
import { useLayout } from './useLayout'

export type Drawing = {
  view: GraphView
  /** Where what is drawn stands. */
  positions: Positions
  layout: ReturnType<typeof useLayout>
}

/** What is drawn, and where: the same for the canvas, for exports and for walking by keys. */
export function useDrawing(graph: Scene, composed: Composed, state: TopologyState, set: SetState): Drawing {
  const t = useText()
  const username = useMe().data?.username ?? ''
  const key = `meshui.layout.${username}.${graphParams(state).by}`
  const layout = useLayout(graph, key, state.layout, () => set({ layout: '' }))
  const { scene, open, found } = composed
  const view = useMemo(
    () =>
      toView(scene, {
        labelOf: edgeLabel(state.label),
        nameOf: (node) => nodeName(node, t),
        found,
        all: graph.edges,
      }),
    [scene, found, graph.edges, state.label, t],
  )
  const positions = useMemo(() => arrange(scene, open, layout.positions), [scene, open, layout.positions])
  return { view, positions, layout }
}
