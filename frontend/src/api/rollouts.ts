/** Rollouts: their queries and the calls that change them. Loaded with the pages that need them. */
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { body, client } from './client'
import { cursorOf, everyPage, MAX_PAGE } from './pages'
import { servicePath } from './queries'
import type {
  BacktestBody,
  Plan,
  PlanBody,
  Rollout,
  RolloutAction,
  RolloutEvent,
  RolloutFilters,
  RolloutTried,
} from './types'

const MEASURED_MS = 6 * 3600_000
const MEASURE_EVERY_MS = 5000

/** `from` and `to` in Unix seconds; a `to` of null is now. */
type SeriesQuery = { service: string; from: number; to: number | null; step: string; live: boolean }
const isoSeconds = (seconds: number) => new Date(seconds * 1000).toISOString()
const pathOf = (id: string) => ({ rollout_id: Number(id) })

type RolloutPage = { next: string | null; results: Rollout[] }
/** A plan that was read has all its parts, which the schema cannot say. */
const asPage = (page: { next: string | null; results: unknown[] }) => page as RolloutPage

export const rolloutQueries = {
  list: (filters: RolloutFilters) =>
    infiniteQueryOptions({
      queryKey: ['rollouts', filters],
      queryFn: async ({ pageParam: cursor }) =>
        asPage(await body(client.GET('/api/v1/rollouts/', { params: { query: { ...filters, cursor } } }))),
      initialPageParam: undefined as string | undefined,
      getNextPageParam: ({ next }) => cursorOf(next),
    }),
  active: () =>
    queryOptions({
      queryKey: ['rollouts', 'active'],
      queryFn: () =>
        everyPage(async (cursor) =>
          asPage(
            await body(
              client.GET('/api/v1/rollouts/', {
                params: { query: { active: true, cursor, page_size: MAX_PAGE } },
              }),
            ),
          ),
        ),
    }),
  one: (id: string) =>
    queryOptions({
      queryKey: ['rollout', id],
      queryFn: async () =>
        (await body(
          client.GET('/api/v1/rollouts/{rollout_id}/', { params: { path: pathOf(id) } }),
        )) as Rollout,
    }),
  events: (id: string) =>
    queryOptions({
      queryKey: ['rollout', id, 'events'],
      queryFn: async () =>
        (await everyPage((cursor) =>
          body(
            client.GET('/api/v1/rollouts/{rollout_id}/events/', {
              params: { path: pathOf(id), query: { cursor, page_size: MAX_PAGE } },
            }),
          ),
        )) as RolloutEvent[],
    }),
  /** Of one that ended all of them, of one under way those of the last hours. */
  measurements: (id: string, running: boolean) =>
    queryOptions({
      queryKey: ['rollout', id, 'measurements'],
      queryFn: () => {
        const since = running ? new Date(Date.now() - MEASURED_MS).toISOString() : undefined
        return everyPage((cursor) =>
          body(
            client.GET('/api/v1/rollouts/{rollout_id}/measurements/', {
              params: { path: pathOf(id), query: { since, cursor, page_size: MAX_PAGE } },
            }),
          ),
        )
      },
      refetchInterval: running ? MEASURE_EVERY_MS : false,
    }),
  /** Series of a service by version, from a moment to another or to now. */
  series: ({ service, from, to, step, live }: SeriesQuery) =>
    queryOptions({
      queryKey: ['metrics', 'versions', service, Math.round(from), to, step],
      queryFn: () => {
        const span = { from: isoSeconds(from), to: to === null ? undefined : isoSeconds(to) }
        return body(client.GET('/api/v1/metrics/', { params: { query: { service, step, ...span } } }))
      },
      refetchInterval: live ? MEASURE_EVERY_MS : false,
    }),
  preflight: (service: string, canary: string) =>
    queryOptions({
      queryKey: ['rollout-preflight', service, canary],
      queryFn: () => body(client.POST('/api/v1/rollouts/preflight/', { body: { service, canary } })),
      refetchInterval: 5000,
    }),
  estimate: ({ service, steps, analysis }: Plan) =>
    queryOptions({
      queryKey: ['rollout-estimate', service, steps, analysis],
      queryFn: () => body(client.POST('/api/v1/rollouts/estimate/', { body: { service, steps, analysis } })),
      staleTime: 30_000,
    }),
  /** What creating it would answer; nothing changes. */
  dryRun: (plan: PlanBody) =>
    queryOptions({
      queryKey: ['rollout-dry-run', plan],
      queryFn: async () =>
        (await body(
          client.POST('/api/v1/rollouts/', { params: { query: { dry_run: true } }, body: plan }),
        )) as RolloutTried,
      staleTime: 30_000,
    }),
  templates: () =>
    queryOptions({
      queryKey: ['analysis-templates'],
      queryFn: () =>
        everyPage((cursor) =>
          body(
            client.GET('/api/v1/analysis-templates/', { params: { query: { cursor, page_size: MAX_PAGE } } }),
          ),
        ),
    }),
}

/** A key for what somebody means to do, so that a request sent twice has one effect. */
export function newIntent(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('')
}

export async function createRollout(plan: PlanBody, intent: string): Promise<Rollout> {
  const header = { 'Idempotency-Key': intent }
  return (await body(client.POST('/api/v1/rollouts/', { params: { header }, body: plan }))) as Rollout
}

/** What is meant by these does not depend on the step that a rollout has reached meanwhile. */
const WHATEVER_STEP = new Set<RolloutAction>(['abort', 'pause'])

export async function actOnRollout(
  { id, version }: Rollout,
  action: RolloutAction,
  sent: { reason: string; force?: boolean },
): Promise<Rollout> {
  const header = {
    'If-Match': WHATEVER_STEP.has(action) ? '*' : `"${version}"`,
    'Idempotency-Key': newIntent(),
  }
  const params = { path: pathOf(id), header }
  return (await body(
    client.POST(`/api/v1/rollouts/{rollout_id}/${action}/`, { params, body: sent } as never),
  )) as Rollout
}

export async function undoRollout(service: string, reason: string): Promise<Rollout> {
  const params = { path: servicePath(service), header: { 'Idempotency-Key': newIntent() } }
  return (await body(
    client.POST('/api/v1/services/{ns}/{name}/undo/', { params, body: { reason } }),
  )) as Rollout
}

export function backtest(template: string, sent: BacktestBody) {
  const params = { path: { template } }
  return body(client.POST('/api/v1/analysis-templates/{template}/backtest/', { params, body: sent }))
}

export function createTemplate(template: {
  name: string
  description: string
  metrics: Plan['analysis']['metrics']
  reason: string
}) {
  return body(client.POST('/api/v1/analysis-templates/', { body: template }))
}
