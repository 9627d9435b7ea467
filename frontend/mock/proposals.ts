/** Changes that take two people, in the mock backend: refused to one, kept, and made once somebody approves. */
import type * as T from '../src/api/types'
import { type Context, type Handler, json, page, problem } from './answers.ts'
import type { MockMesh } from './mesh.ts'

const QUESTIONS = /^policies\/(explain|replay|suggest)$/
const GUARDED = /^(policies|mtls|jwt-providers)(\/|$)/

type Respond = (mesh: MockMesh, request: Request) => Promise<Response>

export class MockProposals {
  rules: T.ReviewRules = { mesh: false, namespaces: [] }
  rows: T.Proposal[] = []
  /** While a proposal's write is made: it has its second person. */
  isApproving = false

  constructor(private readonly mesh: MockMesh) {}

  /** Whether the write must be proposed instead. */
  guards(path: string, { request, query, body }: Omit<Context, 'params'>): boolean {
    const asks = request.method === 'GET' || QUESTIONS.test(path) || query.get('dry_run')
    if (this.isApproving || asks || !GUARDED.test(path)) return false
    return this.rules.mesh || this.rules.namespaces.includes(this.namespaceOf(path, body))
  }

  /** Of what a write changes; empty for the mesh. */
  namespaceOf(path: string, body: Record<string, unknown> | null): string {
    const [kind, name, scope] = path.split('/')
    if (kind === 'mtls') return (name === 'namespaces' || name === 'services' ? scope : '') ?? ''
    if (kind === 'proposals') return String(body?.namespace ?? '')
    const target = String(body?.target ?? this.policy(name)?.target ?? '*')
    return target === '*' ? '' : (target.split('/')[0] ?? '')
  }

  policy(name: string | undefined): T.Policy | undefined {
    return this.mesh.security.policies.find((each) => each.name === name)
  }

  keep(write: T.ProposedWrite, author: string): T.Proposal {
    const path = write.path.replace(/\/$/, '')
    const [kind, name] = path.split('/')
    const row: T.Proposal = {
      id: this.rows.length + 1,
      state: 'open',
      author,
      created_at: this.mesh.ago(0),
      reason: write.reason,
      method: write.method,
      path: write.path,
      body: write.body,
      action: `${kind}.${write.method.toLowerCase()}`,
      object: kind === 'policies' ? `policy:${name ?? write.body?.name}` : `${kind}:${name ?? '*'}`,
      namespace: this.namespaceOf(path, write.body),
      summary: 'changes',
      before: this.policy(name) ?? null,
      after: write.body,
      decided_by: '',
      decided_at: null,
      decision_reason: '',
      revision: null,
    }
    this.rows.unshift(row)
    return row
  }
}

export const required = () =>
  problem(409, 'approval_required', 'Changes of security there take two people: propose it.')

const decided =
  (state: T.Proposal['state']): Handler =>
  ({ mesh, params, body }) => {
    const row = mesh.proposals.rows.find(({ id }) => String(id) === params.id)
    if (row?.state !== 'open') return problem(409, 'decided', 'It is decided.')
    Object.assign(row, {
      state,
      decided_by: mesh.me().username,
      decided_at: mesh.ago(0),
      decision_reason: String(body.reason),
    })
    return json(row)
  }

/** Makes the write again, as the endpoint that it is for takes it. */
async function approve(context: Context, respond: Respond): Promise<Response> {
  const { mesh, params, request, body } = context
  const row = mesh.proposals.rows.find(({ id }) => String(id) === params.id)
  if (row?.state !== 'open') return problem(409, 'decided', 'It is decided.')
  if (row.author === mesh.me().username) return problem(409, 'own_proposal', 'Somebody else approves.')
  mesh.proposals.isApproving = true
  const write = new Request(new URL(`/api/v1/${row.path}`, request.url), {
    method: row.method,
    headers: { 'If-Match': `"${mesh.proposals.policy(row.path.split('/')[1])?.version}"` },
    body: JSON.stringify({ ...(row.body as object), reason: body.reason }),
  })
  const answer = await respond(mesh, write).finally(() => {
    mesh.proposals.isApproving = false
  })
  if (!answer.ok) return answer
  row.revision = mesh.revision
  return decided('applied')(context)
}

function setRule({ mesh, body }: Context): Response {
  const { proposals } = mesh
  if (!body.required && !proposals.isApproving) return required()
  if (body.namespace === null) proposals.rules.mesh = Boolean(body.required)
  const others = proposals.rules.namespaces.filter((each) => each !== body.namespace)
  if (body.namespace !== null)
    proposals.rules.namespaces = body.required ? [...others, String(body.namespace)] : others
  return json(proposals.rules)
}

type Route = [method: string, path: string, handler: (context: Context) => Response | Promise<Response>]

export const proposalRoutes = (respond: Respond): Route[] => [
  ['GET', 'proposals', ({ mesh }) => page(mesh.proposals.rows)],
  [
    'POST',
    'proposals',
    ({ mesh, body }) =>
      json(mesh.proposals.keep(body as unknown as T.ProposedWrite, mesh.me().username), { status: 201 }),
  ],
  ['GET', 'proposals/rules', ({ mesh }) => json(mesh.proposals.rules)],
  ['PUT', 'proposals/rules', setRule],
  ['POST', 'proposals/:id/approve', (context) => approve(context, respond)],
  ['POST', 'proposals/:id/reject', decided('rejected')],
  ['POST', 'proposals/:id/withdraw', decided('withdrawn')],
]
