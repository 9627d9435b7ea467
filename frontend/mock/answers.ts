/** What every handler of the mock backend is given, and the answers it can make. */
import type { MockMesh } from './mesh.ts'

export type Context = {
  mesh: MockMesh
  params: Record<string, string>
  query: URLSearchParams
  request: Request
  body: Body
}
export type Body = Record<string, unknown>
export type Handler = (context: Context) => Response

export const json = (value: unknown, init: ResponseInit = {}) =>
  new Response(JSON.stringify(value), {
    ...init,
    headers: { 'Content-Type': 'application/json', ...(init.headers as Record<string, string>) },
  })
export const page = (results: unknown[]) => json({ next: null, previous: null, results })
export const gone = () => new Response(null, { status: 204 })

export type FieldProblem = { path: string; code: string; detail: string }

export function problem(status: number, code: string, detail: string, errors: FieldProblem[] = []): Response {
  return json(
    { type: 'about:blank', title: code, status, code, detail, errors },
    { status, headers: { 'Content-Type': 'application/problem+json' } },
  )
}

export const serviceId = ({ params }: Context) => `${params.namespace}/${params.name}`
