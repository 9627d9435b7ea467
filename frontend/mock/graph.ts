/**
 * The graph of the mock backend: of the demo mesh, or of a generated one with MESHUI_MOCK_SERVICES services and
 * MESHUI_MOCK_EDGES edges (five times as many by default), at any moment and over a stretch of time.
 */
import type * as T from '../src/api/types'
import { type Handler, json, problem } from './answers.ts'
import type { MockMesh } from './mesh.ts'

const SERVICES = Number(process.env.MESHUI_MOCK_SERVICES ?? 0)
const EDGES = Number(process.env.MESHUI_MOCK_EDGES ?? SERVICES * 5)
const NAMESPACES = 10
const STEP_S = 10

export type Asked = { window: string; by: T.GraphBy; at?: number }

export function secondsOf(window: string | null | undefined): number {
  const text = window || '60s'
  return Number.parseInt(text, 10) * (text.endsWith('m') ? 60 : 1)
}

/** `at` is in Unix seconds; without it the graph is of now. */
export function graphOf(mesh: MockMesh, { window, by, at }: Asked): T.Graph {
  const seconds = secondsOf(window)
  const graph = SERVICES > 0 ? generated(seconds, at ?? Date.now() / 1000) : ofDemo(mesh, seconds, by, at)
  return {
    ...graph,
    nodes: graph.nodes.map((node) => ({ ...node, instance: instanceOf(node.id) })),
  } as T.Graph
}

function ofDemo(mesh: MockMesh, seconds: number, by: T.GraphBy, at: number | undefined): T.Graph {
  if (by !== 'instance') return mesh.graph(seconds, by, at === undefined ? undefined : at * 1000)
  return withInstances(mesh.graph(seconds, 'version', at === undefined ? undefined : at * 1000))
}

const instanceOf = (id: string) => id.split('#')[1] ?? null

/** Each version as two instances: it shares out to them what it was asked, and they make its calls. */
function withInstances(graph: T.Graph): T.Graph {
  const versions = graph.nodes.filter((node) => node.version)
  const instances = versions.flatMap((node) =>
    ['p1', 'p2'].map((proxy) => ({
      ...node,
      id: `${node.id}#${proxy}`,
      kind: 'instance' as never,
      instances: 1,
      rps_in: node.rps_in / 2,
    })),
  )
  const known = new Set(versions.map((node) => node.id))
  const calls = graph.edges.flatMap((edge) =>
    known.has(edge.source)
      ? ['p1', 'p2'].map((proxy) => ({
          ...edge,
          ...named(`${edge.source}#${proxy}`, edge.target),
          rps: edge.rps / 2,
        }))
      : [edge],
  )
  const shares = graph.edges.flatMap((edge) =>
    ['p1', 'p2'].map((proxy) => ({
      ...edge,
      ...named(edge.target, `${edge.target}#${proxy}`),
      rps: edge.rps / 2,
    })),
  )
  const edges = new Map([...calls, ...shares].map((edge) => [edge.id, edge]))
  return { ...graph, nodes: [...graph.nodes, ...instances], edges: [...edges.values()] }
}

const named = (source: string, target: string) => ({ id: `${source}->${target}`, source, target })

// A mesh of any size

const serviceName = (index: number) => `ns${index % NAMESPACES}/service-${index}`

/** Numbers that look arbitrary and are the same each time. */
const arbitrary = (seed: number) => Math.abs(Math.sin(seed * 12.9898) * 43758.5453) % 1

function generated(seconds: number, at: number): T.Graph {
  const edges = Array.from({ length: EDGES }, (_, index) => generatedEdge(index, seconds, at))
  const unique = [...new Map(edges.map((edge) => [edge.id, edge])).values()].sort(byId)
  const inbound = new Map<string, T.GraphEdge[]>()
  for (const edge of unique) inbound.set(edge.target, [...(inbound.get(edge.target) ?? []), edge])
  const nodes = Array.from({ length: SERVICES }, (_, index) =>
    generatedNode(serviceName(index), inbound.get(serviceName(index)) ?? []),
  )
  const rps = unique.reduce((sum, edge) => sum + edge.rps, 0)
  return {
    as_of: new Date(at * 1000).toISOString(),
    as_of_unix: at,
    age_s: 0.6,
    window_s: seconds,
    covered_s: seconds,
    source: 'frames',
    resolution_s: 1,
    by: 'service',
    nodes: nodes.sort(byId),
    edges: unique,
    summary: { rps, error_rate: 0, edges: unique.length, failing: 0, degraded: 0, headline: '' },
  } as T.Graph
}

const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1)

function generatedEdge(index: number, seconds: number, at: number): T.GraphEdge {
  const from = index % SERVICES
  const to = (from + 1 + Math.floor(arbitrary(index) * arbitrary(index + 7) * SERVICES)) % SERVICES
  const rps = (1 + 40 * arbitrary(index + 1)) * (1 + 0.1 * Math.sin(at / 7 + index))
  const requests = Math.round(rps * seconds)
  const share = arbitrary(index + 2)
  const errors = Math.round(requests * (share > 0.995 ? 0.2 : share > 0.98 ? 0.01 : 0))
  return {
    ...named(serviceName(from), serviceName(to)),
    protocol: 'http',
    rps,
    requests,
    errors,
    error_rate: errors / requests,
    codes: { '2xx': requests - errors, '5xx': errors },
    flags: {},
    p50_ms: 4 + 10 * share,
    p95_ms: 20 + 30 * share,
    p99_ms: 50 + 90 * share,
    bytes_in_per_s: rps * 400,
    bytes_out_per_s: rps * 2000,
    secured: 1,
    health: errors === 0 ? 'healthy' : errors / requests >= 0.1 ? 'failing' : 'degraded',
    sample: requests,
    reason: '',
  }
}

function generatedNode(id: string, inbound: T.GraphEdge[]): T.GraphNode {
  const [namespace = '', name = ''] = id.split('/')
  const order = ['failing', 'degraded', 'healthy'] as const
  return {
    id,
    namespace,
    name,
    version: null,
    kind: 'service',
    health: order.find((health) => inbound.some((edge) => edge.health === health)) ?? 'idle',
    reason: '',
    rps_in: inbound.reduce((sum, edge) => sum + edge.rps, 0),
    rps_out: 0,
    error_rate: inbound.length ? Math.max(...inbound.map((edge) => edge.error_rate ?? 0)) : null,
    instances: 2,
    healthy_instances: 2,
    p50_ms: 5,
    p95_ms: 30,
    p99_ms: 90,
  } as T.GraphNode
}

// The API

const grain = (by: string | null): T.GraphBy => (by === 'version' || by === 'instance' ? by : 'service')

export const GRAPH: [method: string, path: string, handler: Handler][] = [
  [
    'GET',
    'graph',
    ({ mesh, query }) => {
      const at = query.get('at') ? Number(query.get('at')) : undefined
      return json(graphOf(mesh, { window: query.get('window') ?? '60s', by: grain(query.get('by')), at }))
    },
  ],
  [
    'GET',
    'graph/replay',
    ({ mesh, query }) => {
      const [start, end] = [Number(query.get('start')), Number(query.get('end'))]
      if (!(start < end)) return problem(400, 'invalid', 'The stretch has no length.')
      return json(replayOf(mesh, query.get('by') === 'version' ? 'version' : 'service', start, end))
    },
  ],
]

/** With a failure in the middle third, and a gap nobody observed. */
function replayOf(mesh: MockMesh, by: T.Replay['by'], start: number, end: number): T.Replay {
  const step = Math.max(STEP_S, Math.ceil((end - start) / 180 / STEP_S) * STEP_S)
  const times = Array.from(
    { length: Math.floor((end - start) / step) },
    (_, index) => start + step * (index + 1),
  )
  const graph = graphOf(mesh, { window: '60s', by })
  const letter = { failing: 'f', degraded: 'd', healthy: 'h', unknown: 'u', idle: '-' }
  const lasting = (health: T.Health) =>
    times
      .map((_, index) => (index > times.length / 3 && index < times.length / 1.5 ? letter[health] : 'h'))
      .join('')
  return {
    start,
    end,
    step_s: step,
    by,
    source: 'frames',
    resolution_s: 1,
    times,
    observed: times.map((_, index) => index < times.length * 0.8 || index > times.length * 0.85),
    nodes: graph.nodes.map((node) => ({
      ...node,
      health: lasting(node.health),
      rps: times.map(() => node.rps_in),
    })),
    edges: graph.edges.map((edge) => ({
      ...edge,
      health: lasting(edge.health),
      rps: times.map(() => edge.rps),
      error_rate: times.map(() => edge.error_rate),
      p95_ms: times.map(() => edge.p95_ms),
    })),
    changes: mesh.changes
      .map((change) => ({ ...change, at_unix: Date.parse(change.at) / 1000 }))
      .filter(({ at_unix: at }) => at > start && at <= end)
      .reverse(),
  }
}
