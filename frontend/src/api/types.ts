/** The wire shapes as the rest of the dashboard names them, all taken from the generated schema. */
import type { components } from './schema'

type Schemas = components['schemas']

export type { paths } from './schema'

export type Me = Schemas['MeView']
export type User = Schemas['UserView']
export type RoleGrant = Schemas['RoleBody']
export type Role = RoleGrant['role']
export type Permission = 'view' | 'traffic.write' | 'catalog.write' | 'security.write' | 'users.write'

export type ApiToken = Schemas['TokenView']
export type JoinToken = Schemas['JoinTokenView']

export type Service = Schemas['ServiceView']
export type ServiceVersion = Schemas['VersionView']
export type Gateway = Schemas['GatewayView']
export type Instance = Schemas['InstanceView']

export type MeshProxy = Schemas['ProxyView']
export type SyncState = MeshProxy['sync']['state']
export type ProxyConfig = Schemas['ConfigView']

export type Revision = Schemas['RevisionDetailView']
export type RevisionState = Revision['state']
export type ProxyAck = Revision['detail'][number]
export type Session = Schemas['SessionView']
export type Change = Schemas['ChangeView']
export type Verification = Schemas['Verification']

export type Graph = Schemas['Graph']
/** How fine the nodes of a graph are. */
export type GraphBy = Graph['by']
export type GraphParams = { window: string; by: GraphBy }
export type Replay = Schemas['Replay']
/** A stretch of the past, Unix seconds. */
export type ReplayQuery = { by: Replay['by']; start: number; end: number }
export type GraphNode = Schemas['Node']
export type GraphEdge = Schemas['Edge']
export type Health = GraphEdge['health']
/** What a `diff` of the graph's topic holds: nodes and edges that changed, whole, and the ids of those gone. */
export type GraphDiff = Pick<Graph, 'as_of' | 'as_of_unix' | 'age_s' | 'summary' | 'nodes' | 'edges'> & {
  removed_nodes: string[]
  removed_edges: string[]
}

export type Metrics = Schemas['Metrics']
export type SeriesName = keyof Metrics['series']
export type ServiceTraffic = Schemas['ServiceTraffic']
export type VersionTraffic = Schemas['VersionTraffic']
export type Info = Schemas['InfoView']

export type ChangeFilters = {
  namespace?: string
  object?: string
  actor?: string
  action?: string
  search?: string
  page_size?: number
}
/** Which series: of a service, an edge, or with neither the whole mesh. `step` as in "10s". */
export type MetricsQuery = {
  service?: string
  edge?: string
  version?: string
  step?: string
  /** The same steps so much earlier, as in "24h". */
  compare?: string
  by?: 'version' | 'route' | 'instance'
}
export type * from './authorityTypes'
export type * from './incidentTypes'
export type * from './logTypes'
export type * from './traceTypes'
export type * from './trafficTypes'

export type RouteMatch = Schemas['RouteMatch']
export type Sticky = Schemas['Sticky']
export type * from './rolloutTypes'
export type * from './securityTypes'
