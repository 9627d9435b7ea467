/** Nodes and edges with chosen numbers, and a small source of repeatable chance. */
import type { GraphEdge } from '@/api/types'
import type { Subject } from '@/graph/query/fields'
import type { SceneNode } from '@/graph/scene'

export function node(id: string, patch: Partial<SceneNode> = {}): SceneNode {
  const [service = '', version = null] = id.split('@')
  const [namespace = '', name] = service.split('/')
  return {
    id,
    namespace: name === undefined ? null : namespace,
    name: name ?? service,
    version,
    instance: null,
    kind: 'service',
    health: 'healthy',
    reason: '',
    rps_in: 20,
    rps_out: 0,
    error_rate: 0,
    instances: 1,
    healthy_instances: 1,
    p50_ms: 5,
    p95_ms: 20,
    p99_ms: 50,
    ...patch,
  }
}

export function edge(source: string, target: string, patch: Partial<GraphEdge> = {}): GraphEdge {
  return {
    id: `${source}->${target}`,
    source,
    target,
    protocol: 'http',
    rps: 20,
    requests: 1200,
    errors: 0,
    error_rate: 0,
    codes: { '2xx': 1200 },
    flags: {},
    p50_ms: 5,
    p95_ms: 20,
    p99_ms: 50,
    bytes_in_per_s: 1000,
    bytes_out_per_s: 4000,
    secured: 1,
    health: 'healthy',
    sample: 1200,
    reason: '',
    ...patch,
  }
}

export function asSubject(between: GraphEdge): Subject {
  return { edge: between, ends: [node(between.source), node(between.target)] }
}

/** The same numbers from [0, 1) for the same seed (mulberry32). */
export function chance(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

export function pick<T>(random: () => number, items: readonly T[]): T {
  return items[Math.floor(random() * items.length)] as T
}
