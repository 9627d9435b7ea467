/** Live topics as React hooks. Messages land in the query cache; components read queries. */
import { type QueryClient, type QueryKey, useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useSyncExternalStore } from 'react'
import { applyGraphDiff, merge } from './graphDiff'
import { type LiveMessage, type LiveParams, live } from './live'
import { queries } from './queries'
import type {
  Change,
  Graph,
  GraphDiff,
  GraphParams,
  MeshProxy,
  Revision,
  Service,
  ServiceTraffic,
} from './types'

/** While the connection is down, ask again this often. */
const POLL_MS = 5000

export function useLiveStatus() {
  return useSyncExternalStore(
    (notify) => live.onStatus(notify),
    () => live.status,
  )
}

export function usePollInterval(): number | false {
  return useLiveStatus() === 'open' ? false : POLL_MS
}

type Reducer = (message: LiveMessage, cache: QueryClient) => void

/** Reduce a topic's messages into the cache while the component is shown. */
export function useTopic(topic: string | null, params: LiveParams, reduce: Reducer): void {
  const cache = useQueryClient()
  const paramsKey = JSON.stringify(params)
  // biome-ignore lint/correctness/useExhaustiveDependencies: a reducer is fixed for its topic and parameters
  useEffect(() => {
    if (!topic) return
    return live.subscribe(topic, JSON.parse(paramsKey), (message) => reduce(message, cache))
  }, [topic, paramsKey, cache])
}

export function update<T>(cache: QueryClient, key: QueryKey, change: (old: T) => T): void {
  cache.setQueryData<T>(key, (old) => (old === undefined ? old : change(old)))
}

/** The graph of the present, kept live; nothing is asked while not `enabled`. */
export function useGraph(params: GraphParams, enabled = true) {
  const options = queries.graph(params)
  useTopic(enabled ? 'graph' : null, params, (message, cache) => {
    if (message.kind === 'diff') {
      update<Graph>(cache, options.queryKey, (old) => applyGraphDiff(old, message.data as GraphDiff))
      return
    }
    const graph = message.data as Graph
    const isOurs = graph.by === params.by && `${graph.window_s}s` === seconds(params.window)
    if (isOurs) cache.setQueryData(options.queryKey, graph)
  })
  return useQuery({
    ...options,
    enabled,
    refetchInterval: usePollInterval(),
    staleTime: Number.POSITIVE_INFINITY,
  })
}

function seconds(window: string): string {
  return window.endsWith('m') ? `${Number.parseInt(window, 10) * 60}s` : window
}

/** Traffic of one service, and its registry entry, each second. */
export function useServiceLive(id: string) {
  const options = queries.traffic(id, '60s')
  useTopic(`service:${id}`, {}, (message, cache) => {
    const { service, ...traffic } = message.data as ServiceTraffic & { service?: Service }
    cache.setQueryData(options.queryKey, traffic)
    if (service) cache.setQueryData(queries.service(id).queryKey, service)
  })
  return useQuery({ ...options, refetchInterval: usePollInterval() })
}

export function useProxiesLive() {
  const options = queries.proxies()
  useTopic('proxies', {}, (message, cache) => {
    if (message.kind === 'state') {
      cache.setQueryData(options.queryKey, listOf<MeshProxy>(message.data, 'proxies'))
      return
    }
    const { changed, removed } = message.data as { changed: MeshProxy[]; removed: string[] }
    update<MeshProxy[]>(cache, options.queryKey, (old) => merge(old, changed, removed))
  })
  return useQuery({ ...options, refetchInterval: usePollInterval() })
}

/** Any new change makes what depends on it be asked again. */
export function useChangesLive(): void {
  useTopic('changes', {}, (message, cache) => {
    if (message.kind !== 'diff') return
    const changes = listOf<Change>(message.data, 'changes')
    cache.invalidateQueries({ queryKey: ['changes'] })
    for (const change of changes) {
      const [kind, id] = change.object.split(':')
      if (kind === 'service' && id) cache.invalidateQueries({ queryKey: ['service', id] })
      if (kind === 'policy' || kind === 'access') cache.invalidateQueries({ queryKey: ['security'] })
    }
  })
}

export function useInfoLive() {
  const options = queries.info()
  useTopic('info', {}, (message, cache) => cache.setQueryData(options.queryKey, message.data as never))
  return useQuery({ ...options, refetchInterval: usePollInterval() })
}

export function useRevisionLive(revision: number | null) {
  const options = queries.revision(revision ?? 0)
  useTopic(revision === null ? null : `revision:${revision}`, {}, (message, cache) =>
    cache.setQueryData(options.queryKey, message.data as Revision),
  )
  return useQuery({ ...options, enabled: revision !== null, refetchInterval: usePollInterval() })
}

/** A state may be the bare list or an object holding it. */
function listOf<T>(data: unknown, field: string): T[] {
  if (Array.isArray(data)) return data as T[]
  return ((data as Record<string, T[]>)[field] ?? []) as T[]
}
