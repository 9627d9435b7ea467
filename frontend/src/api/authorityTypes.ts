/** Certificates, the authority that signs them, and its rotation, as the dashboard names them. */
import type { components } from './schema'

type Schemas = components['schemas']

export type Certificate = Schemas['CertificateView']
export type DeniedIdentity = Schemas['DeniedView']
export type RevocationScope = NonNullable<Schemas['RevocationBody']['scope']>
