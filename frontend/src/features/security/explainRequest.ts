/** A question as the address of the page holds it, and as the API is asked. */
import type { ExplainRequest } from '@/api/types'

/**
 * `headers` and `claims`: one `name: value` in each line. `at`: a time of this clock, or empty for now. A token is stated,
 * by its `provider` and what it claims: a real one has no place in an address.
 */
export type Question = Record<
  'source' | 'service' | 'method' | 'path' | 'host' | 'headers' | 'address' | 'at' | 'provider' | 'claims',
  string
>
export const BLANK: Question = {
  source: '',
  service: '',
  method: 'GET',
  path: '',
  host: '',
  headers: '',
  address: '',
  at: '',
  provider: '',
  claims: '',
}

/** The headers that can be read, and the first line that cannot. */
export function headersOf(text: string): { headers: Record<string, string>; malformed: string } {
  const lines = text.split('\n').filter((line) => line.trim())
  const headers: Record<string, string> = {}
  let malformed = ''
  for (const line of lines) {
    const colon = line.indexOf(':')
    if (colon > 0) headers[line.slice(0, colon).trim().toLowerCase()] = line.slice(colon + 1).trim()
    else malformed ||= line
  }
  return { headers, malformed }
}

/** Several values of a claim stand behind one another, with commas. */
function claimsOf(text: string): Record<string, string[]> {
  const lines = text.split('\n').map((line) => line.split(/:(.*)/s, 2))
  return Object.fromEntries(
    lines
      .filter(([name]) => name?.trim())
      .map(([name = '', values = '']) => [name.trim(), values.split(',').map((each) => each.trim())]),
  )
}

/** Null while there is too little to ask about. */
export function requestOf(question: Question): ExplainRequest | null {
  const { headers, malformed } = headersOf(question.headers)
  const { source, service, method, path, host, address, at, provider } = question
  if (!service || malformed) return null
  const moment = at ? new Date(at) : null
  return {
    source,
    service,
    method,
    path: path || '/',
    host,
    headers,
    address,
    token: provider ? { provider, claims: claimsOf(question.claims) } : null,
    at: moment && !Number.isNaN(moment.getTime()) ? moment.toISOString() : null,
  }
}
