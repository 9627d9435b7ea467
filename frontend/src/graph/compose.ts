/** From the whole graph to what the page shows: namespaces, focus, hide, find, collapse, in this order. Pure. */
import type { GraphEdge } from '@/api/types'
import { type BoxChoice, closedBoxes, collapse, standIns } from './collapse'
import { matches } from './query/evaluate'
import type { Query } from './query/parser'
import { type Scene, type SceneNode, serviceOf } from './scene'

/** Whom to follow from the focus: those who call it, those it calls, or both. */
export const DIRECTIONS = ['both', 'callers', 'callees'] as const
export type Direction = (typeof DIRECTIONS)[number]
/** `id` names a node, or a service with all its versions and instances. */
export type Focus = { id: string; hops: number; direction: Direction }

export type Choice = {
  namespaces: string[]
  focus: Focus | null
  find: Query | null
  hide: Query | null
  boxes: BoxChoice
}

export type Composed = {
  /** What is drawn. */
  scene: Scene
  /** The same with every namespace open. */
  open: Scene
  closed: Set<string>
  /** Ids of the scene that were found, a namespace for its members; null without a query. */
  found: Set<string> | null
  /** How many nodes and edges were found and hidden, counted with every namespace open. */
  foundCount: number
  hiddenCount: number
  /** The focus is a node of the graph. */
  focusKnown: boolean
}

export function compose(graph: Scene, choice: Choice): Composed {
  const seeds = choice.focus ? nodesNamed(graph.nodes, choice.focus.id) : []
  const scoped = withinFocus(withinNamespaces(graph, choice.namespaces), choice.focus, seeds)
  const open = choice.hide ? without(scoped, matching(scoped, choice.hide)) : scoped
  const closed = closedBoxes(open, choice.boxes)
  const found = choice.find ? matching(open, choice.find) : null
  return {
    scene: collapse(open, closed),
    open,
    closed,
    found: found && drawn(found, open, closed),
    foundCount: found?.size ?? 0,
    hiddenCount: sizeOf(scoped) - sizeOf(open),
    focusKnown: choice.focus === null || seeds.length > 0,
  }
}

function sizeOf({ nodes, edges }: Scene): number {
  return nodes.length + edges.length
}

function withinNamespaces(graph: Scene, namespaces: string[]): Scene {
  if (namespaces.length === 0) return graph
  return kept(graph, (node) => namespaces.includes(node.namespace ?? ''))
}

function withinFocus(graph: Scene, focus: Focus | null, seeds: string[]): Scene {
  if (!focus) return graph
  const near = neighbourhood(graph.edges, seeds, focus.hops, focus.direction)
  return kept(graph, (node) => near.has(node.id))
}

function kept(graph: Scene, test: (node: SceneNode) => boolean): Scene {
  const nodes = graph.nodes.filter(test)
  const ids = new Set(nodes.map((node) => node.id))
  return { nodes, edges: graph.edges.filter((edge) => ids.has(edge.source) && ids.has(edge.target)) }
}

function nodesNamed(nodes: SceneNode[], id: string): string[] {
  return nodes.filter((node) => node.id === id || serviceOf(node) === id).map((node) => node.id)
}

/** What is reached within some steps along the edges, the seeds included. */
export function neighbourhood(
  edges: GraphEdge[],
  seeds: string[],
  hops: number,
  direction: Direction = 'both',
): Set<string> {
  const reached = new Set(seeds)
  for (let hop = 0; hop < hops; hop += 1) {
    const before = new Set(reached)
    for (const { source, target } of edges) {
      if (direction !== 'callers' && before.has(source)) reached.add(target)
      if (direction !== 'callees' && before.has(target)) reached.add(source)
    }
    if (reached.size === before.size) break
  }
  return reached
}

/** Ids of the nodes and edges that a query asks for. */
export function matching({ nodes, edges }: Scene, query: Query): Set<string> {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const ids = new Set<string>()
  for (const node of nodes) if (matches(query, { node })) ids.add(node.id)
  for (const edge of edges) {
    const ends = [edge.source, edge.target].flatMap((id) => byId.get(id) ?? [])
    if (matches(query, { edge, ends })) ids.add(edge.id)
  }
  return ids
}

/** An edge goes with either of its ends. */
function without({ nodes, edges }: Scene, ids: Set<string>): Scene {
  return kept({ nodes, edges: edges.filter((edge) => !ids.has(edge.id)) }, (node) => !ids.has(node.id))
}

function drawn(ids: Set<string>, open: Scene, closed: Set<string>): Set<string> {
  if (closed.size === 0) return ids
  const drawnAs = standIns(open, closed)
  const shown = new Set<string>()
  for (const node of open.nodes) if (ids.has(node.id)) shown.add(drawnAs(node.id))
  for (const { id, source, target } of open.edges) {
    if (ids.has(id)) shown.add(`${drawnAs(source)}->${drawnAs(target)}`)
    // An edge inside a closed namespace is found there.
    if (ids.has(id) && drawnAs(source) === drawnAs(target)) shown.add(drawnAs(source))
  }
  return shown
}
