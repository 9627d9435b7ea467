/** Changes of security that wait for a second person: their queries, and what two people do with them. */
import { queryOptions } from '@tanstack/react-query'
import { body, client } from './client'
import { everyPage, MAX_PAGE } from './pages'
import { ApiError } from './problem'
import type { Proposal, ProposedWrite, ReviewRules } from './types'

/** What depends on proposals: asked again when one is made or decided. */
export const PROPOSALS = 'proposals'

const EVERY_MS = 5000
const ROOT = '/api/v1/'
/** What can be proposed. Taking a change back is refused as well, but takes a change of one's own. */
const PROPOSABLE = /^(policies|mtls|jwt-providers|proposals\/rules)\//

export type Decision = 'approve' | 'reject' | 'withdraw'

export const proposalQueries = {
  all: () =>
    queryOptions({
      queryKey: [PROPOSALS, 'all'],
      queryFn: async () =>
        (await everyPage((cursor) =>
          body(client.GET('/api/v1/proposals/', { params: { query: { cursor, page_size: MAX_PAGE } } })),
        )) as Proposal[],
      refetchInterval: EVERY_MS,
    }),
  rules: () =>
    queryOptions({
      queryKey: [PROPOSALS, 'rules'],
      queryFn: () => body(client.GET('/api/v1/proposals/rules/')),
      refetchInterval: EVERY_MS,
    }),
}

/** The write that a second person could approve; null for every other error. */
export function proposable(error: unknown): Request | null {
  if (!(error instanceof ApiError) || error.code !== 'approval_required' || !error.request) return null
  return PROPOSABLE.test(pathOf(error.request)) ? error.request : null
}

const pathOf = (request: Request) => new URL(request.url).pathname.replace(ROOT, '')

/** Propose a write as it was refused. */
export async function proposeRefused(refused: Request, reason: string): Promise<Proposal> {
  const text = await refused.clone().text()
  const { reason: _, ...rest } = text ? JSON.parse(text) : {}
  return propose({
    method: refused.method as ProposedWrite['method'],
    path: pathOf(refused),
    body: text ? rest : null,
    if_match: refused.headers.get('If-Match') ?? '',
    reason,
  })
}

export async function propose(write: ProposedWrite): Promise<Proposal> {
  return (await body(client.POST('/api/v1/proposals/', { body: write as never }))) as Proposal
}

export async function decide(id: number, decision: Decision, reason: string): Promise<Proposal> {
  const sent = { params: { path: { proposal_id: id } }, body: { reason } }
  const calls = {
    approve: () => client.POST('/api/v1/proposals/{proposal_id}/approve/', sent),
    reject: () => client.POST('/api/v1/proposals/{proposal_id}/reject/', sent),
    withdraw: () => client.POST('/api/v1/proposals/{proposal_id}/withdraw/', sent),
  }
  return (await body(calls[decision]())) as Proposal
}

/** Take two people in a namespace, or with null everywhere. */
export const requireTwo = (namespace: string | null, reason: string): Promise<ReviewRules> =>
  body(client.PUT('/api/v1/proposals/rules/', { body: { namespace, required: true, reason } }))

/** Ending that takes two people itself. */
export const proposeOne = (namespace: string | null, reason: string): Promise<Proposal> =>
  propose({
    method: 'PUT',
    path: 'proposals/rules/',
    body: { namespace, required: false },
    if_match: '',
    reason,
  })
