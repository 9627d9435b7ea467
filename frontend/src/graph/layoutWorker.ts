/** Runs the layout off the main thread: one question, one answer with the same id. */
import { type LayoutEdge, type LayoutNode, layout, type Positions } from './layout'

export type LayoutQuestion = { id: number; nodes: LayoutNode[]; edges: LayoutEdge[]; placed: Positions }
export type LayoutAnswer = { id: number; positions: Positions }

self.onmessage = (event: MessageEvent<LayoutQuestion>) => {
  const { id, nodes, edges, placed } = event.data
  const answer: LayoutAnswer = { id, positions: layout(nodes, edges, placed) }
  self.postMessage(answer)
}
