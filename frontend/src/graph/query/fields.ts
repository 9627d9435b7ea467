/** What can be asked of a node or an edge: the one table that parsing, evaluation and completion share. Pure. */
import type { GraphEdge } from '@/api/types'
import { type SceneNode, serviceOf } from '@/graph/scene'

/** An edge comes with its two ends, so that `ns = shop` speaks of edges too. */
export type Subject =
  | { node: SceneNode; edge?: undefined }
  | { node?: undefined; edge: GraphEdge; ends: SceneNode[] }

/** How a number is written: a rate per second, a share, a time in ms, bytes per second, or a bare count. */
export type Unit = 'rate' | 'share' | 'time' | 'bytes' | 'count'

/** `of` gives null, or no names, where the question makes no sense for the subject: it then matches neither way. */
export type NumberField = { kind: 'number'; unit: Unit; of: (subject: Subject) => number | null }
export type TextField = { kind: 'text'; of: (subject: Subject) => string[] }
export type ChoiceField = { kind: 'choice'; values: readonly string[]; of: (subject: Subject) => string[] }
export type FlagField = { kind: 'flag'; of: (subject: Subject) => boolean | null }
export type Field = NumberField | TextField | ChoiceField | FlagField

const HEALTHS = ['healthy', 'degraded', 'failing', 'unknown', 'idle'] as const
const PROTOCOLS = ['http', 'tcp'] as const
const KINDS = ['service', 'gateway', 'instance', 'unknown', 'external'] as const
/** Below this share some request went in clear; above it the rest is rounding. */
const ALL_SECURED = 0.9995

const present = <T>(value: T | null | undefined): T[] => (value == null ? [] : [value])
const nodesOf = (subject: Subject): SceneNode[] => (subject.node ? [subject.node] : subject.ends)

/** What of a node is asked where it was called; of one that only calls, where it called. */
const nodeRate = (node: SceneNode) => (node.rps_in > 0 ? node.rps_in : node.rps_out)
const classShare = (name: string) => (subject: Subject) => {
  const { edge } = subject
  return edge && edge.requests > 0 ? (edge.codes[name] ?? 0) / edge.requests : null
}
const both = (subject: Subject, key: 'error_rate' | 'p50_ms' | 'p95_ms' | 'p99_ms') =>
  (subject.edge ?? subject.node)[key] ?? null
const healthIs = (wanted: SceneNode['health']) => (subject: Subject) =>
  (subject.edge ?? subject.node).health === wanted
const onEdge =
  (test: (edge: GraphEdge) => boolean) =>
  ({ edge }: Subject) =>
    edge ? test(edge) : null
const onNode =
  (test: (node: SceneNode) => boolean) =>
  ({ node }: Subject) =>
    node ? test(node) : null

export const FIELDS: Record<string, Field> = {
  rate: { kind: 'number', unit: 'rate', of: (s) => s.edge?.rps ?? nodeRate(s.node as SceneNode) },
  error: { kind: 'number', unit: 'share', of: (s) => both(s, 'error_rate') },
  '4xx': { kind: 'number', unit: 'share', of: classShare('4xx') },
  '5xx': { kind: 'number', unit: 'share', of: classShare('5xx') },
  p50: { kind: 'number', unit: 'time', of: (s) => both(s, 'p50_ms') },
  p95: { kind: 'number', unit: 'time', of: (s) => both(s, 'p95_ms') },
  p99: { kind: 'number', unit: 'time', of: (s) => both(s, 'p99_ms') },
  throughput: {
    kind: 'number',
    unit: 'bytes',
    of: ({ edge }) => (edge ? edge.bytes_in_per_s + edge.bytes_out_per_s : null),
  },
  requests: { kind: 'number', unit: 'count', of: ({ edge }) => edge?.requests ?? null },
  instances: { kind: 'number', unit: 'count', of: ({ node }) => node?.instances ?? null },
  ns: { kind: 'text', of: (s) => nodesOf(s).flatMap((node) => present(node.namespace)) },
  service: { kind: 'text', of: (s) => nodesOf(s).map(serviceOf) },
  name: { kind: 'text', of: (s) => nodesOf(s).map((node) => node.name) },
  version: { kind: 'text', of: (s) => nodesOf(s).flatMap((node) => present(node.version)) },
  instance: { kind: 'text', of: (s) => nodesOf(s).flatMap((node) => present(node.instance)) },
  from: { kind: 'text', of: (s) => (s.edge ? s.ends.slice(0, 1).map(serviceOf) : []) },
  to: { kind: 'text', of: (s) => (s.edge ? s.ends.slice(1).map(serviceOf) : []) },
  response: { kind: 'text', of: ({ edge }) => (edge ? responsesOf(edge) : []) },
  health: { kind: 'choice', values: HEALTHS, of: (s) => [(s.edge ?? (s.node as SceneNode)).health] },
  protocol: { kind: 'choice', values: PROTOCOLS, of: ({ edge }) => present(edge?.protocol) },
  kind: { kind: 'choice', values: KINDS, of: ({ node }) => present(node?.kind) },
  mtls: { kind: 'flag', of: onEdge((edge) => edge.secured >= ALL_SECURED) },
  tcp: { kind: 'flag', of: onEdge((edge) => edge.protocol === 'tcp') },
  failing: { kind: 'flag', of: healthIs('failing') },
  degraded: { kind: 'flag', of: healthIs('degraded') },
  healthy: { kind: 'flag', of: healthIs('healthy') },
  idle: { kind: 'flag', of: healthIs('idle') },
  gateway: { kind: 'flag', of: onNode((node) => node.kind === 'gateway') },
  outside: { kind: 'flag', of: onNode((node) => node.namespace === null) },
}

/** Other words for the same thing. */
const ALIASES: Record<string, string> = {
  rps: 'rate',
  errors: 'error',
  namespace: 'ns',
  source: 'from',
  target: 'to',
  flag: 'response',
}

export function fieldNamed(word: string): [name: string, field: Field] | null {
  const lower = word.toLowerCase()
  const name = ALIASES[lower] ?? lower
  const field = Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined
  return field ? [name, field] : null
}

/** What an edge's requests ended with: classes of codes and response flags that occurred. */
function responsesOf(edge: GraphEdge): string[] {
  return Object.entries({ ...edge.codes, ...edge.flags }).flatMap(([name, count]) =>
    count > 0 ? [name] : [],
  )
}

const SCALES: Record<Unit, Record<string, number>> = {
  rate: { '': 1, rps: 1, '/s': 1, '/min': 1 / 60, krps: 1000 },
  share: { '': 0.01, '%': 0.01 },
  time: { '': 1, us: 0.001, µs: 0.001, ms: 1, s: 1000 },
  bytes: { '': 1, b: 1, kb: 1000, mb: 1e6, gb: 1e9, kib: 1024, mib: 1024 ** 2, gib: 1024 ** 3 },
  count: { '': 1, k: 1000 },
}

/** The unit that completion offers with a number. */
export const USUAL_UNIT: Record<Unit, string> = { rate: '', share: '%', time: 'ms', bytes: 'kB', count: '' }

/** `10`, `1%`, `200ms`, `1.5s` in the unit of the graph's numbers; null for what is no number of that unit. */
export function parseAmount(text: string, unit: Unit): number | null {
  const parts = /^(\d+(?:\.\d*)?|\.\d+)([^\d.]*)$/.exec(text)
  if (!parts) return null
  const [, digits, suffix = ''] = parts
  const scale = SCALES[unit][suffix.toLowerCase()]
  return scale === undefined ? null : Number(digits) * scale
}
