/** Namespaces drawn as one node each: which are, and what then stands for them. Pure. */
import type { GraphEdge } from '@/api/types'
import { boxOfNode, groupBy, type Scene, type SceneNode, worstHealth } from './scene'

/** With more nodes than this, namespaces are collapsed unless somebody opened them. */
export const MOST_OPEN_NODES = 300
const EVERY = '*'

/** What a person opened and closed, by namespace; `*` is every one not named. */
export type BoxChoice = { open: string[]; closed: string[] }

export function collapsedId(namespace: string): string {
  return `${namespace}/`
}

/** The namespaces of a scene to draw as one node. */
export function closedBoxes(scene: Scene, { open, closed }: BoxChoice): Set<string> {
  const large = scene.nodes.length > MOST_OPEN_NODES
  const isClosed = (box: string) => {
    if (closed.includes(box)) return true
    if (open.includes(box)) return false
    return closed.includes(EVERY) || (large && !open.includes(EVERY))
  }
  return new Set([...new Set(scene.nodes.flatMap((node) => boxOfNode(node) ?? []))].filter(isClosed))
}

/** The choice with one namespace turned round. */
export function toggled({ open, closed }: BoxChoice, box: string, isClosed: boolean): BoxChoice {
  const others = (list: string[]) => list.filter((each) => each !== box)
  return isClosed
    ? { open: [...others(open), box], closed: others(closed) }
    : { open: others(open), closed: [...others(closed), box] }
}

export const ALL_OPEN: BoxChoice = { open: [EVERY], closed: [] }
export const ALL_CLOSED: BoxChoice = { open: [], closed: [EVERY] }

/** The id under which each node of a scene is drawn. */
export function standIns(scene: Scene, closed: Set<string>): (id: string) => string {
  const ids = new Map<string, string>()
  for (const node of scene.nodes) {
    const box = boxOfNode(node)
    if (box !== null && closed.has(box)) ids.set(node.id, collapsedId(box))
  }
  return (id) => ids.get(id) ?? id
}

export function collapse(scene: Scene, closed: Set<string>): Scene {
  if (closed.size === 0) return scene
  const drawnAs = standIns(scene, closed)
  const isInside = ({ source, target }: GraphEdge) =>
    drawnAs(source) === drawnAs(target) && drawnAs(source) !== source
  const crossing = scene.edges.filter((edge) => !isInside(edge))
  const groups = groupBy(crossing, ({ source, target }) => `${drawnAs(source)}->${drawnAs(target)}`)
  const edges = [...groups].map(([id, members]) => merged(id, members, drawnAs))
  const open = scene.nodes.filter((node) => drawnAs(node.id) === node.id)
  const members = groupBy(
    scene.nodes.filter((node) => drawnAs(node.id) !== node.id),
    (node) => drawnAs(node.id),
  )
  const boxes = [...members].map(([id, inside]) => standIn(id, inside, edges))
  return { nodes: [...open, ...boxes], edges }
}

/**
 * Edges between the same two ends as one. Counts add up, health is the worst; percentiles of several edges cannot be
 * told from theirs and are left out.
 */
function merged(id: string, members: GraphEdge[], drawnAs: (id: string) => string): GraphEdge {
  const [first] = members as [GraphEdge]
  const ends = { id, source: drawnAs(first.source), target: drawnAs(first.target) }
  if (members.length === 1) return first.id === id ? first : { ...first, ...ends }
  const sum = (of: (edge: GraphEdge) => number) => members.reduce((total, edge) => total + of(edge), 0)
  const requests = sum((edge) => edge.requests)
  const errors = sum((edge) => edge.errors)
  const health = worstHealth(members.map((edge) => edge.health))
  return {
    ...ends,
    protocol: members.every((edge) => edge.protocol === 'tcp') ? 'tcp' : 'http',
    rps: sum((edge) => edge.rps),
    requests,
    errors,
    error_rate: requests > 0 ? errors / requests : null,
    codes: summed(members.map((edge) => edge.codes)),
    flags: summed(members.map((edge) => edge.flags)),
    p50_ms: null,
    p95_ms: null,
    p99_ms: null,
    bytes_in_per_s: sum((edge) => edge.bytes_in_per_s),
    bytes_out_per_s: sum((edge) => edge.bytes_out_per_s),
    secured:
      requests > 0
        ? sum((edge) => edge.secured * edge.requests) / requests
        : Math.min(...members.map((edge) => edge.secured)),
    health,
    sample: sum((edge) => edge.sample),
    reason: members.find((edge) => edge.health === health)?.reason ?? '',
  } as GraphEdge
}

function summed(counts: Record<string, number>[]): Record<string, number> {
  const total: Record<string, number> = {}
  for (const each of counts) {
    for (const [name, count] of Object.entries(each)) total[name] = (total[name] ?? 0) + count
  }
  return total
}

/** A namespace as one node: rates are of what crosses its border, health is the worst of its members. */
function standIn(id: string, inside: SceneNode[], edges: GraphEdge[]): SceneNode {
  const namespace = id.slice(0, -1)
  const health = worstHealth(inside.map((node) => node.health))
  const inbound = edges.filter((edge) => edge.target === id)
  const requests = inbound.reduce((sum, edge) => sum + edge.requests, 0)
  return {
    id,
    namespace,
    name: namespace,
    version: null,
    instance: null,
    kind: 'namespace',
    health,
    reason: inside.find((node) => node.health === health)?.reason ?? '',
    rps_in: inbound.reduce((sum, edge) => sum + edge.rps, 0),
    rps_out: edges.filter((edge) => edge.source === id).reduce((sum, edge) => sum + edge.rps, 0),
    error_rate: requests > 0 ? inbound.reduce((sum, edge) => sum + edge.errors, 0) / requests : null,
    instances: inside.reduce((sum, node) => sum + node.instances, 0),
    healthy_instances: inside.reduce((sum, node) => sum + node.healthy_instances, 0),
    p50_ms: null,
    p95_ms: null,
    p99_ms: null,
    members: inside.length,
  }
}
