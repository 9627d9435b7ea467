/** The one HTTP client: session cookie, CSRF header, typed paths, refusals as ApiError. */
import createClient, { type Middleware } from 'openapi-fetch'
import { type ApiError, toApiError } from './problem'
import type { paths } from './types'

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])

/** The token that a write must carry; empty before the first answer of `auth/me/`. */
export function csrfToken(): string {
  const pair = document.cookie.split('; ').find((cookie) => cookie.startsWith('csrftoken='))
  return pair ? decodeURIComponent(pair.slice('csrftoken='.length)) : ''
}

const csrf: Middleware = {
  onRequest({ request }) {
    if (!SAFE.has(request.method)) request.headers.set('X-CSRFToken', csrfToken())
    return request
  },
}

/** Writes as they were sent, by the request, then by the answer that refused them. */
const copies = new WeakMap<Request | Response, Request>()

/** Remembers what was refused: a write that takes two people can be proposed as it is. */
const refusals: Middleware = {
  onRequest({ request }) {
    if (!SAFE.has(request.method)) copies.set(request, request.clone())
  },
  onResponse({ request, response }) {
    const copy = copies.get(request)
    if (copy && response.status === 409) copies.set(response, copy)
  },
}

export const client = createClient<paths>({
  baseUrl: window.location.origin,
  credentials: 'same-origin',
  // Looked up at each call, so that tests may replace it.
  fetch: (request) => globalThis.fetch(request),
})
client.use(csrf, refusals)

type Answer<D> = { data?: D; error?: unknown; response: Response }

function refusal(response: Response, error: unknown): ApiError {
  return toApiError(response, error, copies.get(response))
}

/** The body of a successful answer; throws ApiError otherwise. */
export async function body<D>(call: Promise<Answer<D>>): Promise<D> {
  const { data, error, response } = await call
  if (!response.ok) throw refusal(response, error)
  return data as D
}

/** Like `body`, with the ETag a later write sends as If-Match. */
export async function tagged<D>(call: Promise<Answer<D>>): Promise<{ value: D; etag: string }> {
  const { data, error, response } = await call
  if (!response.ok) throw refusal(response, error)
  return { value: data as D, etag: response.headers.get('ETag') ?? '' }
}
