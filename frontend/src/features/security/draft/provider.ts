/** A token provider as it is edited: lists as they are typed, one entry in each line or tag. */
import type { JwtAlgorithm, JwtProvider, JwtProviderValue } from '@/api/types'

export const ALGORITHMS: readonly JwtAlgorithm[] = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
]

/** `headers`: `authorization Bearer`, or the name alone; `claims`: one `header: claim` in each line. */
export type ProviderDraft = Omit<JwtProviderValue, 'headers' | 'claim_headers' | 'jwks'> & {
  headers: string[]
  claims: string
  jwks: string
  given: boolean
}

export function newProvider(): ProviderDraft {
  return {
    name: '',
    namespace: '',
    issuer: '',
    audiences: [],
    algorithms: ['RS256'],
    headers: ['authorization Bearer'],
    cookies: [],
    query: [],
    clock_skew_s: 60,
    forward: false,
    claims: '',
    jwks: '',
    jwks_url: '',
    refresh_s: 300,
    description: '',
    given: false,
  }
}

export function providerDraft(provider: JwtProvider): ProviderDraft {
  const { headers, claim_headers, jwks, name, namespace, issuer, audiences, algorithms } = provider
  const { cookies, query, clock_skew_s, forward, jwks_url, refresh_s, description } = provider
  return {
    ...{ name, namespace, issuer, audiences, algorithms, cookies, query },
    ...{ clock_skew_s, forward, jwks_url, refresh_s, description },
    headers: headers.map((header) => `${header.name} ${header.scheme ?? ''}`.trim()),
    claims: Object.entries(claim_headers)
      .map(([header, claim]) => `${header}: ${claim}`)
      .join('\n'),
    jwks: jwks ? JSON.stringify(jwks, null, 2) : '',
    given: !jwks_url,
  }
}

/** What is sent, or null where the keys are no JSON. */
export function providerOf(draft: ProviderDraft): JwtProviderValue | null {
  const { headers, claims, jwks, given, ...value } = draft
  const keys = given ? parsed(jwks) : null
  if (keys === undefined) return null
  return {
    ...value,
    jwks_url: given ? '' : value.jwks_url,
    jwks: keys,
    headers: headers.map((text) => {
      const [name = '', scheme = ''] = text.split(/\s+/)
      return { name, scheme }
    }),
    claim_headers: Object.fromEntries(
      claims
        .split('\n')
        .map((line) => line.split(/:(.*)/s, 2).map((part) => part.trim()))
        .filter(([header]) => header)
        .map(([header = '', claim = '']) => [header, claim]),
    ),
  }
}

function parsed(text: string): Record<string, never> | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
