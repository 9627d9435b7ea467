/** Certificates, the authority that signs them, and its rotation, as the dashboard names them. */
import type { components } from './schema'

type Schemas = components['schemas']

export type Certificate = Schemas['CertificateView']
export type DeniedIdentity = Schemas['DeniedView']
export type Proposal = Omit<Schemas['ProposalView'], 'state'> & {
  state: 'open' | 'applied' | 'rejected' | 'withdrawn'
}
/** A write of the API for somebody else to approve. */
export type ProposedWrite = Required<Omit<Schemas['ProposalBody'], 'body'>> & {
  body: Record<string, unknown> | null
}
/** Where changes of security take two people. */
export type ReviewRules = Schemas['RulesView']
export type RevocationScope = NonNullable<Schemas['RevocationBody']['scope']>
