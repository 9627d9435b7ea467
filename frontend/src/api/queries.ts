/** Server state: the keys and fetchers of TanStack Query, one entry per resource. */
import { QueryClient, queryOptions } from '@tanstack/react-query'
import { body, client, tagged } from './client'
import type { ChangeFilters, MetricsQuery } from './paths'
import { ApiError } from './problem'

export const MAX_PAGE = 500

const pathOf = (id: string) => {
  const [namespace = '', name = ''] = id.split('/')
  return { namespace, name }
}

export const queries = {
  me: () =>
    queryOptions({ queryKey: ['me'], queryFn: () => body(client.GET('/api/v1/auth/me/')), retry: false }),
  info: () => queryOptions({ queryKey: ['info'], queryFn: () => body(client.GET('/api/v1/info/')) }),
  graph: (params: { window: string; by: string }) =>
    queryOptions({
      queryKey: ['graph', params],
      queryFn: () => body(client.GET('/api/v1/graph/', { params: { query: params } })),
    }),
  services: () =>
    queryOptions({
      queryKey: ['services'],
      queryFn: () => body(client.GET('/api/v1/services/', { params: { query: { page_size: MAX_PAGE } } })),
    }),
  service: (id: string) =>
    queryOptions({
      queryKey: ['service', id],
      queryFn: () =>
        body(client.GET('/api/v1/services/{namespace}/{name}/', { params: { path: pathOf(id) } })),
    }),
  instances: (id: string) =>
    queryOptions({
      queryKey: ['service', id, 'instances'],
      queryFn: () =>
        body(
          client.GET('/api/v1/services/{namespace}/{name}/instances/', {
            params: { path: pathOf(id), query: { page_size: MAX_PAGE } },
          }),
        ),
    }),
  traffic: (id: string, window: string) =>
    queryOptions({
      queryKey: ['service', id, 'traffic', window],
      queryFn: () =>
        body(
          client.GET('/api/v1/services/{namespace}/{name}/traffic/', {
            params: { path: pathOf(id), query: { window } },
          }),
        ),
    }),
  split: (id: string) =>
    queryOptions({
      queryKey: ['service', id, 'split'],
      queryFn: () =>
        tagged(client.GET('/api/v1/services/{namespace}/{name}/split/', { params: { path: pathOf(id) } })),
    }),
  routes: (id: string) =>
    queryOptions({
      queryKey: ['service', id, 'routes'],
      queryFn: () =>
        tagged(client.GET('/api/v1/services/{namespace}/{name}/routes/', { params: { path: pathOf(id) } })),
    }),
  proxies: () =>
    queryOptions({
      queryKey: ['proxies'],
      queryFn: async () =>
        (await body(client.GET('/api/v1/proxies/', { params: { query: { page_size: MAX_PAGE } } }))).results,
    }),
  proxy: (id: string) =>
    queryOptions({
      queryKey: ['proxy', id],
      queryFn: () => body(client.GET('/api/v1/proxies/{id}/', { params: { path: { id } } })),
    }),
  proxyConfig: (id: string) =>
    queryOptions({
      queryKey: ['proxy', id, 'config'],
      queryFn: () => body(client.GET('/api/v1/proxies/{id}/config/', { params: { path: { id } } })),
    }),
  revision: (n: number) =>
    queryOptions({
      queryKey: ['revision', n],
      queryFn: () => body(client.GET('/api/v1/revisions/{n}/', { params: { path: { n } } })),
    }),
  changes: (filters: ChangeFilters & { cursor?: string; page_size?: number }) =>
    queryOptions({
      queryKey: ['changes', filters],
      queryFn: () => body(client.GET('/api/v1/changes/', { params: { query: filters } })),
    }),
  change: (id: number) =>
    queryOptions({
      queryKey: ['change', id],
      queryFn: () => body(client.GET('/api/v1/changes/{id}/', { params: { path: { id } } })),
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
  tokens: () => queryOptions({ queryKey: ['tokens'], queryFn: () => body(client.GET('/api/v1/tokens/')) }),
  users: () => queryOptions({ queryKey: ['users'], queryFn: () => body(client.GET('/api/v1/users/')) }),
  joinTokens: () =>
    queryOptions({ queryKey: ['join-tokens'], queryFn: () => body(client.GET('/api/v1/join-tokens/')) }),
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
