/** Problems of the API (RFC 9457) as one typed error, and how they become messages of form fields. */

export type FieldError = { path: string; code: string; detail: string }
export type Problem = {
  title: string
  status: number
  code: string
  detail?: string
  errors?: FieldError[]
}

export class ApiError extends Error {
  readonly status: number
  readonly code: string
  readonly fields: FieldError[]
  /** Seconds the server asks us to wait, when it throttles. */
  readonly retryAfter: number | null
  /** The write that was refused, where it could be proposed; its body is unread. */
  readonly request: Request | null

  constructor(problem: Problem, retryAfter: number | null = null, request: Request | null = null) {
    super(problem.detail || problem.title)
    this.name = 'ApiError'
    this.status = problem.status
    this.code = problem.code
    this.fields = problem.errors ?? []
    this.retryAfter = retryAfter
    this.request = request
  }
}

function isProblem(body: unknown): body is Problem {
  return typeof body === 'object' && body !== null && 'code' in body && 'status' in body
}

/** Turn any refused response into an ApiError, also when a proxy in between answered with its own page. */
export function toApiError(response: Response, body: unknown, request: Request | null = null): ApiError {
  const retryAfter = Number(response.headers.get('Retry-After')) || null
  if (isProblem(body)) return new ApiError(body, retryAfter, request)
  const title = `${response.status} ${response.statusText}`.trim()
  return new ApiError({ title, status: response.status, code: 'unreadable_answer' }, retryAfter)
}

export type FormErrors = { fields: Record<string, string>; form: string | null }

/**
 * Map an error onto the fields of a form. A path matches a field exactly or as its longest prefix
 * ("routes.0.match.path" belongs to "routes" when only that is shown); the rest is said above the form.
 */
export function toFormErrors(error: unknown, known: readonly string[]): FormErrors {
  if (!(error instanceof ApiError)) {
    return { fields: {}, form: error instanceof Error ? error.message : error ? String(error) : null }
  }
  const fields: Record<string, string> = {}
  const rest: string[] = []
  for (const { path, detail } of error.fields) {
    const field = longestPrefix(path, known)
    if (!field) rest.push(path ? `${path}: ${detail}` : detail)
    else if (!fields[field]) fields[field] = detail
  }
  const allPlaced = error.fields.length > 0 && rest.length === 0
  return { fields, form: rest.length ? rest.join(' ') : allPlaced ? null : error.message }
}

function longestPrefix(path: string, known: readonly string[]): string | null {
  let best: string | null = null
  for (const field of known) {
    const next = path.charAt(field.length)
    const matches = path.startsWith(field) && (next === '' || next === '.')
    if (matches && field.length > (best?.length ?? -1)) best = field
  }
  return best
}
