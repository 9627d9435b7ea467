/** Server state: the keys and fetchers of TanStack Query, one entry per resource. */
import { QueryClient, queryOptions } from '@tanstack/react-query'
import { body, client, tagged } from './client'
import { everyPage, MAX_PAGE } from './pages'
import { ApiError } from './problem'
import type { ChangeFilters, GraphParams, MetricsQuery, ReplayQuery } from './types'

const pathOf = (id: string) => {
  const [ns = '', name = ''] = id.split('/')
  return { ns, name }
}

export const queries = {
  me: () =>
    queryOptions({ queryKey: ['me'], queryFn: () => body(client.GET('/api/v1/auth/me/')), retry: false }),
  signInMethods: () =>
    queryOptions({
      queryKey: ['sign-in-methods'],
      queryFn: () => body(client.GET('/api/v1/auth/methods/')),
      retry: false,
    }),
  sessions: () =>
    queryOptions({
      queryKey: ['sessions'],
      queryFn: () =>
        everyPage((cursor) =>
          body(client.GET('/api/v1/sessions/', { params: { query: { cursor, page_size: MAX_PAGE } } })),
        ),
    }),
  info: () => queryOptions({ queryKey: ['info'], queryFn: () => body(client.GET('/api/v1/info/')) }),
  graph: (params: GraphParams) =>
    queryOptions({
      queryKey: ['graph', params],
      queryFn: () => body(client.GET('/api/v1/graph/', { params: { query: params } })),
      // A diff keeps what did not change by itself.
      structuralSharing: false,
    }),
  services: () =>
    queryOptions({
      queryKey: ['services'],
      queryFn: () =>
        everyPage((cursor) =>
          body(client.GET('/api/v1/services/', { params: { query: { cursor, page_size: MAX_PAGE } } })),
        ),
    }),
  service: (id: string) =>
    queryOptions({
      queryKey: ['service', id],
      queryFn: () => body(client.GET('/api/v1/services/{ns}/{name}/', { params: { path: pathOf(id) } })),
    }),
  instances: (id: string) =>
    queryOptions({
      queryKey: ['service', id, 'instances'],
      queryFn: () =>
        everyPage((cursor) =>
          body(
            client.GET('/api/v1/services/{ns}/{name}/instances/', {
              params: { path: pathOf(id), query: { cursor, page_size: MAX_PAGE } },
            }),
          ),
        ),
    }),
  traffic: (id: string, window: string) =>
    queryOptions({
      queryKey: ['service', id, 'traffic', window],
      queryFn: () =>
        body(
          client.GET('/api/v1/services/{ns}/{name}/traffic/', {
            params: { path: pathOf(id), query: { window } },
          }),
        ),
    }),
  split: (id: string) =>
    queryOptions({
      queryKey: ['service', id, 'split'],
      queryFn: () =>
        tagged(client.GET('/api/v1/services/{ns}/{name}/split/', { params: { path: pathOf(id) } })),
    }),
  routes: (id: string) =>
    queryOptions({
      queryKey: ['service', id, 'routes'],
      queryFn: () =>
        tagged(client.GET('/api/v1/services/{ns}/{name}/routes/', { params: { path: pathOf(id) } })),
    }),
  resilience: (id: string) =>
    queryOptions({
      queryKey: ['service', id, 'resilience'],
      queryFn: () =>
        tagged(client.GET('/api/v1/services/{ns}/{name}/resilience/', { params: { path: pathOf(id) } })),
    }),
  limits: (id: string) =>
    queryOptions({
      queryKey: ['service', id, 'limits'],
      queryFn: () =>
        tagged(client.GET('/api/v1/services/{ns}/{name}/limits/', { params: { path: pathOf(id) } })),
    }),
  proxies: () =>
    queryOptions({
      queryKey: ['proxies'],
      queryFn: () =>
        everyPage((cursor) =>
          body(client.GET('/api/v1/proxies/', { params: { query: { cursor, page_size: MAX_PAGE } } })),
        ),
    }),
  proxy: (id: string) =>
    queryOptions({
      queryKey: ['proxy', id],
      queryFn: () => body(client.GET('/api/v1/proxies/{proxy_id}/', { params: { path: { proxy_id: id } } })),
    }),
  proxyConfig: (id: string) =>
    queryOptions({
      queryKey: ['proxy', id, 'config'],
      queryFn: () =>
        body(client.GET('/api/v1/proxies/{proxy_id}/config/', { params: { path: { proxy_id: id } } })),
    }),
  revision: (n: number) =>
    queryOptions({
      queryKey: ['revision', n],
      queryFn: () => body(client.GET('/api/v1/revisions/{number}/', { params: { path: { number: n } } })),
    }),
  changes: (filters: ChangeFilters) =>
    queryOptions({
      queryKey: ['changes', filters],
      queryFn: () => body(client.GET('/api/v1/changes/', { params: { query: filters } })),
    }),
  change: (id: number) =>
    queryOptions({
      queryKey: ['change', id],
      queryFn: () =>
        body(client.GET('/api/v1/changes/{change_id}/', { params: { path: { change_id: id } } })),
    }),
  /** The window that ended at a moment, Unix seconds. What is past does not change. */
  graphAt: (params: GraphParams, at: number) =>
    queryOptions({
      queryKey: ['graph', params, at],
      queryFn: () => body(client.GET('/api/v1/graph/', { params: { query: { ...params, at: String(at) } } })),
      structuralSharing: false,
      staleTime: Number.POSITIVE_INFINITY,
    }),
  replay: ({ by, start, end }: ReplayQuery) =>
    queryOptions({
      queryKey: ['replay', by, start, end],
      queryFn: () =>
        body(
          client.GET('/api/v1/graph/replay/', {
            params: { query: { by, start: String(start), end: String(end) } },
          }),
        ),
      staleTime: Number.POSITIVE_INFINITY,
    }),
  metrics: (query: MetricsQuery, spanSeconds: number) =>
    queryOptions({
      queryKey: ['metrics', query, spanSeconds],
      queryFn: () => {
        const from = new Date(Date.now() - spanSeconds * 1000).toISOString()
        return body(client.GET('/api/v1/metrics/', { params: { query: { ...query, from } } }))
      },
      refetchInterval: 5000,
    }),
  tokens: () =>
    queryOptions({
      queryKey: ['tokens'],
      queryFn: () =>
        everyPage((cursor) =>
          body(client.GET('/api/v1/tokens/', { params: { query: { cursor, page_size: MAX_PAGE } } })),
        ),
    }),
  users: () =>
    queryOptions({
      queryKey: ['users'],
      queryFn: () =>
        everyPage((cursor) =>
          body(client.GET('/api/v1/users/', { params: { query: { cursor, page_size: MAX_PAGE } } })),
        ),
    }),
  joinTokens: () =>
    queryOptions({
      queryKey: ['join-tokens'],
      queryFn: () =>
        everyPage((cursor) =>
          body(client.GET('/api/v1/join-tokens/', { params: { query: { cursor, page_size: MAX_PAGE } } })),
        ),
    }),
  namespaces: () =>
    queryOptions({
      queryKey: ['namespaces'],
      queryFn: () =>
        everyPage((cursor) =>
          body(client.GET('/api/v1/namespaces/', { params: { query: { cursor, page_size: MAX_PAGE } } })),
        ),
    }),
  gateways: () =>
    queryOptions({
      queryKey: ['gateways'],
      queryFn: () =>
        everyPage((cursor) =>
          body(client.GET('/api/v1/gateways/', { params: { query: { cursor, page_size: MAX_PAGE } } })),
        ),
    }),
  gateway: (id: string) =>
    queryOptions({
      queryKey: ['gateways', id],
      queryFn: () => tagged(client.GET('/api/v1/gateways/{ns}/{name}/', { params: { path: pathOf(id) } })),
    }),
}

/** Forbidden and missing things do not come back by asking again. */
export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 2000,
        retry: (count, error) => !(error instanceof ApiError && error.status < 500) && count < 2,
      },
    },
  })
}

export { pathOf as servicePath }
