/** A request as the address of the page holds it, and as the API is asked. */
import type { SimulateRequest } from '@/api/types'

/** `headers`: one `name: value` in each line. `tls`: "1" or empty. */
export type Asked = Record<'source' | 'host' | 'method' | 'path' | 'headers' | 'address' | 'tls', string>
export const BLANK: Asked = {
  source: '',
  host: '',
  method: 'GET',
  path: '/',
  headers: '',
  address: '',
  tls: '',
}

/** The headers that can be read, and the first line that cannot. */
export function askedOf({ headers }: Pick<Asked, 'headers'>): {
  headers: Record<string, string>
  malformed: string
} {
  const lines = headers.split('\n').filter((line) => line.trim())
  const pairs = lines.map((line): [string, string] => {
    const colon = line.indexOf(':')
    return [line.slice(0, Math.max(0, colon)).trim().toLowerCase(), line.slice(colon + 1).trim()]
  })
  return {
    headers: Object.fromEntries(pairs.filter(([name]) => name)),
    malformed: lines.find((_, index) => !pairs[index]?.[0]) ?? '',
  }
}

/** Null while there is too little to ask about. */
export function requestOf(asked: Asked): SimulateRequest | null {
  const { headers, malformed } = askedOf(asked)
  if (!asked.source || !asked.host || malformed) return null
  const { source, host, method, address } = asked
  return {
    source,
    host,
    method,
    path: asked.path || '/',
    headers,
    address,
    secured: asked.tls === '1',
    draft: null,
  }
}
