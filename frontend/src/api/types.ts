/**
 * The wire shapes of the REST and WebSocket API, as the rest of the dashboard names them.
 * Nothing here may depend on how a page shows them.
 */

export type Role = 'viewer' | 'operator' | 'security' | 'admin'
export type Permission = 'view' | 'traffic.write' | 'catalog.write' | 'security.write' | 'users.write'
export type RoleGrant = { role: Role; namespace: string | null }

export type Page<T> = { next: string | null; previous: string | null; results: T[] }

export type Me = {
  username: string
  email: string
  is_superuser: boolean
  roles: RoleGrant[]
  permissions: Record<string, string[]>
  csrf: string
}

export type User = {
  username: string
  email: string
  is_active?: boolean
  roles: RoleGrant[]
}

export type ApiToken = {
  id: string
  name: string
  created_at: string
  expires_at: string | null
  last_used_at: string | null
}
export type NewApiToken = Omit<ApiToken, 'last_used_at'> & { token: string }

export type Namespace = { name: string; description: string; services: number; created_at: string }

export type ServiceVersion = { name: string; weight: number; instances: number; healthy: number }
export type Service = {
  id: string
  namespace: string
  name: string
  description: string
  protocol: string
  hosts: string[]
  versions: ServiceVersion[]
  instances: number
  healthy: number
  split: Record<string, number>
  updated_at: string
  revision: number | null
}

export type Instance = {
  id: string
  address: string
  port: number
  version: string
  healthy: boolean
  status: 'passing' | 'critical'
  draining: boolean
  proxy: string | null
  last_seen_at: string | null
  ttl_s: number | null
  registered_at: string
}

export type SyncState = 'synced' | 'syncing' | 'refused' | 'offline'
export type MeshProxy = {
  id: string
  name: string
  service: string
  kind: 'sidecar' | 'gateway'
  service_version: string | null
  identity: string
  address: string
  admin: string
  proxy_version: string
  connected: boolean
  last_seen_at: string | null
  joined_at: string
  certificate_not_after: string | null
  sync: {
    state: SyncState
    desired_revision: number | null
    applied_revision: number | null
    waiting: string[]
    refused: { resource: string; error: string; since: string }[]
  }
  load: { rps: number; connections: number; rss_bytes: number; cpu_percent: number } | null
}
export type ProxyConfig = {
  desired: { resource: string; revision: number | null; version: string; body: unknown }[]
  applied: {
    resource: string
    revision: number | null
    version: string
    status: string
    error: string | null
    at: string
  }[]
}

export type JoinToken = {
  id: string
  service: string
  version: string
  uses_left: number
  expires_at: string
  created_by: string
  created_at: string
  state: 'active' | 'used' | 'expired' | 'revoked'
}
export type NewJoinToken = JoinToken & { token: string }

export type Split = { weights: Record<string, number>; version?: string }

export type HeaderMatch = {
  name: string
  kind: 'exact' | 'prefix' | 'present'
  value: string
  invert: boolean
}
export type Route = {
  name: string
  match: {
    path: { kind: 'exact' | 'prefix'; value: string } | null
    methods: string[]
    headers: HeaderMatch[]
  }
  weights: Record<string, number> | null
  timeouts: { request_ms: number; idle_ms: number }
}
export type Routes = { routes: Route[]; version?: string }

export type RevisionState = 'pending' | 'applied' | 'partial' | 'failed'
export type ProxyAck = {
  proxy: string
  service: string
  status: 'acked' | 'nacked' | 'waiting' | 'offline'
  error: string | null
  at: string | null
}
export type Revision = {
  revision: number
  state: RevisionState
  committed_at: string
  published_at: string | null
  applied_at: string | null
  error: string | null
  change_id: number | null
  proxies: { total: number; acked: number; nacked: number; waiting: number; offline: number }
  detail: ProxyAck[]
}

export type Change = {
  id: number
  revision: number | null
  at: string
  actor: string
  action: string
  object: string
  namespace: string | null
  summary: string
  reason: string
  address: string | null
  before: Record<string, unknown> | null
  after: Record<string, unknown> | null
  revertible: boolean
}

export type Health = 'healthy' | 'degraded' | 'failing' | 'unknown' | 'idle'
export type GraphNode = {
  id: string
  namespace: string
  name: string
  version: string | null
  kind: 'service' | 'gateway' | 'unknown' | 'external'
  health: Health
  rps_in: number
  rps_out: number
  error_rate: number | null
  instances: number
  healthy_instances: number
  p50_ms: number | null
  p95_ms: number | null
  p99_ms: number | null
}
export type GraphEdge = {
  id: string
  source: string
  target: string
  protocol: string
  rps: number
  requests: number
  errors: number
  error_rate: number | null
  codes: Record<string, number>
  flags: Record<string, number>
  p50_ms: number | null
  p95_ms: number | null
  p99_ms: number | null
  bytes_in_per_s: number
  bytes_out_per_s: number
  secured: number
  health: Health
  sample: number
  reason: string
}
export type GraphSummary = {
  rps: number
  error_rate: number | null
  edges: number
  failing: number
  degraded: number
  headline: string
}
export type Graph = {
  as_of: string
  as_of_unix: number
  age_s: number
  window_s: number
  by: 'service' | 'version'
  nodes: GraphNode[]
  edges: GraphEdge[]
  summary: GraphSummary
}
export type GraphDiff = Pick<Graph, 'as_of' | 'as_of_unix' | 'age_s' | 'summary' | 'nodes' | 'edges'> & {
  removed_nodes: string[]
  removed_edges: string[]
}

export type SeriesName = 'rps' | 'error_rate' | 'p50_ms' | 'p95_ms' | 'p99_ms'
export type SeriesSet = Partial<Record<SeriesName, (number | null)[]>>
export type Metrics = {
  step_s: number
  from: string
  to: string
  source: 'frames' | 'rollups'
  times: number[]
  series: SeriesSet
  by_version?: Record<string, SeriesSet>
}

export type VersionTraffic = {
  rps: number
  share: number
  error_rate: number | null
  p50_ms: number | null
  p95_ms: number | null
  p99_ms: number | null
}
export type ServiceTraffic = {
  in: GraphEdge[]
  out: GraphEdge[]
  versions: Record<string, VersionTraffic>
  service?: Service
}

export type Info = {
  name: string
  version: string
  environment: string
  trust_domain: string
  demo: boolean
  gateway_url: string | null
  revision: number | null
  sync: { proxies: number; synced: number; refused: number; offline: number }
}
