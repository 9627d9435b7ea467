/** Access policies and mTLS: their queries and the calls that change them. Loaded with the pages that need them. */
import { keepPreviousData, queryOptions } from '@tanstack/react-query'
import { body, client, tagged } from './client'
import { everyPage, MAX_PAGE } from './pages'
import { servicePath } from './queries'
import type {
  AccessSetting,
  DefaultAction,
  ExplainRequest,
  Explanation,
  JwtProvider,
  JwtProviderValue,
  MtlsMode,
  Policy,
  PolicyValue,
  Replayed,
  Suggested,
  Tokens,
} from './types'

/** How often what is observed is asked again. */
const OBSERVE_EVERY_MS = 5000
/** What depends on policies: asked again when one changes. */
export const SECURITY = 'security'

type PolicyFilters = { service?: string }

export const securityQueries = {
  policies: (filters: PolicyFilters = {}) =>
    queryOptions({
      queryKey: [SECURITY, 'policies', filters],
      queryFn: async () =>
        (await everyPage((cursor) =>
          body(
            client.GET('/api/v1/policies/', {
              params: { query: { ...filters, cursor, page_size: MAX_PAGE } },
            }),
          ),
        )) as Policy[],
    }),
  policy: (name: string) =>
    queryOptions({
      queryKey: [SECURITY, 'policy', name],
      queryFn: async () =>
        (await body(client.GET('/api/v1/policies/{key}/', { params: { path: { key: name } } }))) as Policy,
    }),
  usage: (window: string, service = '') =>
    queryOptions({
      queryKey: [SECURITY, 'usage', window, service],
      queryFn: () => body(client.GET('/api/v1/policies/usage/', { params: { query: { window, service } } })),
      refetchInterval: OBSERVE_EVERY_MS,
    }),
  matrix: (window: string, namespace: string) =>
    queryOptions({
      queryKey: [SECURITY, 'matrix', window, namespace],
      queryFn: () =>
        body(client.GET('/api/v1/policies/matrix/', { params: { query: { window, namespace } } })),
      refetchInterval: OBSERVE_EVERY_MS,
      placeholderData: keepPreviousData,
    }),
  explain: (request: ExplainRequest | null) =>
    queryOptions({
      queryKey: [SECURITY, 'explain', request],
      queryFn: (): Promise<Explanation> =>
        body(
          client.POST('/api/v1/policies/explain/', {
            body: { ...(request as ExplainRequest), policy: null } as never,
          }),
        ),
      enabled: request !== null,
      retry: false,
      placeholderData: keepPreviousData,
    }),
  /** As though it were enforced, which is what one wants to know of a shadow policy too. */
  replay: (policy: PolicyValue, window: string) => {
    const { description: _, ...draft } = policy
    const sent = { policy: { ...draft, mode: 'enforce' as const }, window }
    return queryOptions({
      queryKey: [SECURITY, 'replay', sent],
      queryFn: (): Promise<Replayed> =>
        body(client.POST('/api/v1/policies/replay/', { body: sent as never })),
      retry: false,
      staleTime: 30_000,
      placeholderData: keepPreviousData,
    })
  },
  suggest: (service: string, window: string) =>
    queryOptions({
      queryKey: [SECURITY, 'suggest', service, window],
      queryFn: async () =>
        (await body(client.POST('/api/v1/policies/suggest/', { body: { service, window } }))) as Suggested,
      enabled: Boolean(service),
      retry: false,
    }),
  providers: () =>
    queryOptions({
      queryKey: [SECURITY, 'providers'],
      queryFn: async () =>
        (await everyPage((cursor) =>
          body(client.GET('/api/v1/jwt-providers/', { params: { query: { cursor, page_size: MAX_PAGE } } })),
        )) as JwtProvider[],
      refetchInterval: OBSERVE_EVERY_MS,
    }),
  mtls: () =>
    queryOptions({
      queryKey: [SECURITY, 'mtls'],
      queryFn: () => body(client.GET('/api/v1/mtls/')),
    }),
  plaintext: (window: string) =>
    queryOptions({
      queryKey: [SECURITY, 'plaintext', window],
      queryFn: () => body(client.GET('/api/v1/mtls/plaintext/', { params: { query: { window } } })),
      refetchInterval: OBSERVE_EVERY_MS,
      placeholderData: keepPreviousData,
    }),
}

/** `version` of the policy that the write replaces; empty for a new one. */
type Write = { version: string; reason: string; dryRun: boolean }

const query = (dryRun: boolean) => (dryRun ? { dry_run: true } : {})

export async function writePolicy(policy: PolicyValue, write: Write): Promise<Policy> {
  const { name, ...value } = policy
  const sent = { ...value, reason: write.reason }
  const call = write.version
    ? client.PUT('/api/v1/policies/{key}/', {
        params: {
          path: { key: name },
          header: { 'If-Match': `"${write.version}"` },
          query: query(write.dryRun),
        },
        body: sent as never,
      })
    : client.POST('/api/v1/policies/', {
        params: { query: query(write.dryRun) },
        body: { ...sent, name } as never,
      })
  return (await body(call as never)) as Policy
}

export async function enforcePolicy({ name, version }: Policy, reason: string): Promise<Policy> {
  const params = { path: { key: name }, header: { 'If-Match': `"${version}"` } }
  return (await body(client.POST('/api/v1/policies/{key}/enforce/', { params, body: { reason } }))) as Policy
}

/** The revision of the deletion, which the answer to it does not say. */
export async function deletePolicy({ name, version }: Policy, reason: string): Promise<number | null> {
  await body(
    client.DELETE('/api/v1/policies/{key}/', {
      params: { path: { key: name }, header: { 'If-Match': `"${version}"` }, query: { reason } },
    }),
  )
  const latest = { object: `policy:${name}`, page_size: 1 }
  const { results } = await body(client.GET('/api/v1/changes/', { params: { query: latest } }))
  return results[0]?.action === 'policy.delete' ? results[0].revision : null
}

/** Undo the change that a revision brought. Answers the revision of the undoing. */
export async function undoRevision(revision: number, reason: string): Promise<number | null> {
  const { change_id: id } = await body(
    client.GET('/api/v1/revisions/{number}/', { params: { path: { number: revision } } }),
  )
  if (id === null) return null
  const params = { path: { change_id: id } }
  return (await body(client.POST('/api/v1/changes/{change_id}/revert/', { params, body: { reason } })))
    .revision
}

/** `version` of the provider that the write replaces; empty for a new one. */
export async function writeProvider(
  { name, namespace, ...value }: JwtProviderValue,
  version: string,
  reason: string,
): Promise<JwtProvider> {
  const sent = { ...value, reason }
  const params = { path: { name }, header: { 'If-Match': `"${version}"` } }
  const call = version
    ? client.PUT('/api/v1/jwt-providers/{name}/', { params, body: sent as never })
    : client.POST('/api/v1/jwt-providers/', { body: { ...sent, name, namespace } as never })
  return (await body(call as never)) as JwtProvider
}

export async function deleteProvider({ name, version }: JwtProvider, reason: string): Promise<void> {
  const params = { path: { name }, header: { 'If-Match': `"${version}"` }, query: { reason } }
  await body(client.DELETE('/api/v1/jwt-providers/{name}/', { params }))
}

/** Fetch its keys now; the answer says what came of it. */
export async function refreshKeys(name: string): Promise<JwtProvider> {
  const params = { path: { name } }
  return (await body(
    client.POST('/api/v1/jwt-providers/{name}/refresh/', { params, body: {} }),
  )) as JwtProvider
}

export type SettingValue = {
  mtls: MtlsMode | null
  default_action: DefaultAction | null
  tokens: Tokens | null
}

/** `scope` is `*`, a namespace, or `namespace/name`; what stands there is read first, for its version. */
export async function writeSetting(
  scope: string,
  change: Partial<SettingValue>,
  reason: string,
): Promise<AccessSetting> {
  const { version, mtls, default_action, tokens } = await readSetting(scope)
  const header = { 'If-Match': `"${version}"` }
  const sent = { mtls, default_action, tokens, ...change, reason }
  if (scope === '*') return body(client.PUT('/api/v1/mtls/', { params: { header }, body: sent }))
  if (!scope.includes('/')) {
    const params = { path: { ns: scope }, header }
    return body(client.PUT('/api/v1/mtls/namespaces/{ns}/', { params, body: sent }))
  }
  const params = { path: servicePath(scope), header }
  return body(client.PUT('/api/v1/mtls/services/{ns}/{name}/', { params, body: sent }))
}

export async function readSetting(scope: string): Promise<AccessSetting> {
  if (scope === '*') return (await tagged(client.GET('/api/v1/mtls/'))).value.mesh
  if (!scope.includes('/')) {
    return body(client.GET('/api/v1/mtls/namespaces/{ns}/', { params: { path: { ns: scope } } }))
  }
  return body(client.GET('/api/v1/mtls/services/{ns}/{name}/', { params: { path: servicePath(scope) } }))
}
