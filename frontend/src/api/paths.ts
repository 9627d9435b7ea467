/** The typed paths of the REST API in the form openapi-fetch reads. */
import type * as T from './types'

type Json<B> = { content: { 'application/json': B } }
type None = Record<never, never>
type Params<Q, P> = {
  parameters: { query?: Q } & (keyof P extends never ? { path?: never } : { path: P })
}
type Read<R, Q = None, P = None> = Params<Q, P> & {
  responses: { 200: Json<R> }
}
type Write<B, R, Q = None, P = None> = Params<Q, P> & {
  requestBody: Json<B>
  responses: { 200: Json<R> }
}
type Remove<P, Q = None> = Params<Q, P> & { responses: { 204: { content?: never } } }
type Listing<F = None> = F & { page_size?: number; cursor?: string; ordering?: string }
type InService = { namespace: string; name: string }
type Revised<R> = R & { revision: number | null }
type DryRun = { dry_run?: 0 | 1 }

export type ChangeFilters = {
  namespace?: string
  object?: string
  actor?: string
  action?: string
  since?: string
  until?: string
  search?: string
}
export type MetricsQuery = {
  service?: string
  edge?: string
  version?: string
  from?: string
  to?: string
  step?: number
}

export interface paths {
  '/api/v1/auth/me/': { get: Read<T.Me> }
  '/api/v1/auth/login/': { post: Write<{ username: string; password: string }, T.Me> }
  '/api/v1/auth/logout/': {
    post: Params<never, None> & { responses: { 204: { content?: never } } }
  }
  '/api/v1/tokens/': {
    get: Read<T.Page<T.ApiToken>, Listing>
    post: Write<{ name: string; expires_in: number }, T.NewApiToken>
  }
  '/api/v1/tokens/{id}/': { delete: Remove<{ id: string }> }
  '/api/v1/users/': {
    get: Read<T.Page<T.User>, Listing>
    post: Write<{ username: string; password: string; email: string; roles: T.RoleGrant[] }, T.User>
  }
  '/api/v1/users/{username}/': {
    get: Read<T.User, never, { username: string }>
    patch: Write<{ roles?: T.RoleGrant[]; email?: string }, T.User, never, { username: string }>
    delete: Remove<{ username: string }>
  }
  '/api/v1/namespaces/': { get: Read<T.Page<T.Namespace>, Listing> }
  '/api/v1/services/': { get: Read<T.Page<T.Service>, Listing<{ namespace?: string; search?: string }>> }
  '/api/v1/services/{namespace}/{name}/': { get: Read<T.Service, never, InService> }
  '/api/v1/services/{namespace}/{name}/instances/': { get: Read<T.Page<T.Instance>, Listing, InService> }
  '/api/v1/services/{namespace}/{name}/traffic/': {
    get: Read<T.ServiceTraffic, { window?: string }, InService>
  }
  '/api/v1/services/{namespace}/{name}/split/': {
    get: Read<T.Split, never, InService>
    put: Write<{ weights: Record<string, number>; reason?: string }, Revised<T.Split>, DryRun, InService>
  }
  '/api/v1/services/{namespace}/{name}/routes/': {
    get: Read<T.Routes, never, InService>
    put: Write<{ routes: T.Route[]; reason?: string }, Revised<T.Routes>, DryRun, InService>
  }
  '/api/v1/proxies/': {
    get: Read<
      T.Page<T.MeshProxy>,
      Listing<{ namespace?: string; service?: string; state?: string; search?: string }>
    >
  }
  '/api/v1/proxies/{id}/': { get: Read<T.MeshProxy, never, { id: string }> }
  '/api/v1/proxies/{id}/config/': { get: Read<T.ProxyConfig, never, { id: string }> }
  '/api/v1/join-tokens/': {
    get: Read<T.Page<T.JoinToken>, Listing>
    post: Write<{ service: string; version: string; uses: number; ttl_s: number }, T.NewJoinToken>
  }
  '/api/v1/join-tokens/{id}/': { delete: Remove<{ id: string }> }
  '/api/v1/revisions/{n}/': { get: Read<T.Revision, never, { n: number }> }
  '/api/v1/changes/': { get: Read<T.Page<T.Change>, Listing<ChangeFilters>> }
  '/api/v1/changes/{id}/': { get: Read<T.Change, never, { id: number }> }
  '/api/v1/changes/{id}/revert/': {
    post: Write<{ reason?: string }, { revision: number }, never, { id: number }>
  }
  '/api/v1/graph/': { get: Read<T.Graph, { window?: string; by?: string; namespace?: string }> }
  '/api/v1/metrics/': { get: Read<T.Metrics, MetricsQuery> }
  '/api/v1/info/': { get: Read<T.Info> }
}
