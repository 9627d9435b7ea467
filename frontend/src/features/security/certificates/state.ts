/** What a certificate is at a moment, and whom it names. */
import type { Certificate } from '@/api/types'

export const STATES = ['valid', 'late', 'expired', 'revoked'] as const
export type CertificateState = (typeof STATES)[number]

export const TONE = { valid: 'healthy', late: 'degraded', expired: 'failing', revoked: 'unknown' } as const

/** Revoked outweighs expired, for it says why. */
export function stateOf({ revoked_at, not_after, late }: Certificate, now: number): CertificateState {
  if (revoked_at) return 'revoked'
  if (new Date(not_after).getTime() <= now) return 'expired'
  return late ? 'late' : 'valid'
}

/** `namespace/name` of a SPIFFE id; what is none of this mesh as it is. */
export function serviceOf(identity: string): string {
  const [, namespace, name] = /\/ns\/([^/]+)\/svc\/([^/]+)$/.exec(identity) ?? []
  return namespace ? `${namespace}/${name}` : identity
}

export const namespaceOf = (identity: string) => serviceOf(identity).split('/')[0] ?? ''

export const short = (digits: string) => digits.slice(0, 12)
