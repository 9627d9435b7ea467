/** Certificates, the authority that signs them, and its rotation, as the dashboard names them. */
import type { components } from './schema'

type Schemas = components['schemas']

export type Authority = Schemas['AuthorityView']
export type AuthorityCertificate = Schemas['AuthorityCertificateView']
/** What a new root or intermediate is made of. */
export type AuthorityOffer = Required<Schemas['OfferBody']>
export type Rotation = Schemas['RotationView']
export type RotationState = Rotation['state']
export type MissingProxy = Schemas['MissingView']
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
