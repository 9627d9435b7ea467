import { describe, expect, it } from 'vitest'
import { ApiError, toApiError, toFormErrors } from '@/api/problem'

const refusal = (errors: { path: string; code: string; detail: string }[]) =>
  new ApiError({ title: 'Invalid', status: 400, code: 'invalid', detail: 'Some fields are wrong.', errors })

describe('toFormErrors', () => {
  it('places each error at its field', () => {
    const error = refusal([{ path: 'weights.v3', code: 'unknown_version', detail: 'No version v3.' }])
    expect(toFormErrors(error, ['weights.v1', 'weights.v3'])).toEqual({
      fields: { 'weights.v3': 'No version v3.' },
      form: null,
    })
  })

  it('gives a nested path to the longest field that holds it', () => {
    const error = refusal([{ path: 'routes.10.match.path', code: 'invalid', detail: 'Not a path.' }])
    expect(toFormErrors(error, ['routes', 'routes.1', 'routes.10']).fields).toEqual({
      'routes.10': 'Not a path.',
    })
  })

  it('says above the form what has no field', () => {
    const error = refusal([{ path: 'reason', code: 'too_long', detail: 'Too long.' }])
    expect(toFormErrors(error, ['weights'])).toEqual({ fields: {}, form: 'reason: Too long.' })
  })

  it('shows the detail of a problem without fields', () => {
    const stale = new ApiError({ title: 'Stale', status: 412, code: 'stale', detail: 'It changed.' })
    expect(toFormErrors(stale, ['weights'])).toEqual({ fields: {}, form: 'It changed.' })
  })

  it('has nothing to say without an error', () => {
    expect(toFormErrors(null, ['weights'])).toEqual({ fields: {}, form: null })
  })
})

describe('toApiError', () => {
  it('keeps the code and how long to wait', () => {
    const response = new Response(null, { status: 429, headers: { 'Retry-After': '30' } })
    const error = toApiError(response, { title: 'Throttled', status: 429, code: 'throttled' })
    expect([error.code, error.retryAfter]).toEqual(['throttled', 30])
  })

  it('reads a page of some other server as an error too', () => {
    const error = toApiError(new Response('<html>', { status: 502, statusText: 'Bad Gateway' }), '<html>')
    expect([error.status, error.code, error.message]).toEqual([502, 'unreadable_answer', '502 Bad Gateway'])
  })
})
