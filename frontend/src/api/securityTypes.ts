/** Access policies and mTLS as the dashboard names them: whole, with every part that the API fills in. */
import type { components } from './schema'

type Schemas = components['schemas']

export type PolicyToken = { providers: string[]; claims: Record<string, string[]> }
export type PolicyFrom = Required<Omit<Schemas['PolicyFrom'], 'jwt'>> & { jwt: PolicyToken | null }
/** Whom an external policy asks. */
export type PolicyCheck = Required<Schemas['PolicyCheck']>
export type PolicyTo = Required<Schemas['PolicyTo']>
export type PolicyWhen = Required<Schemas['PolicyWhen']>
export type PolicyHours = Required<Schemas['PolicyHours']>
export type PolicyRule = { from: PolicyFrom; to: PolicyTo; when: PolicyWhen[]; hours: PolicyHours | null }
export type PolicyAction = Schemas['PolicyView']['action']
export type PolicyMode = Schemas['PolicyView']['mode']
/** What one decides on. */
export type PolicyValue = {
  name: string
  target: string
  action: PolicyAction
  mode: PolicyMode
  rules: PolicyRule[]
  check: PolicyCheck | null
  description: string
}
export type Policy = Omit<Schemas['PolicyView'], 'rules' | 'check'> & Pick<PolicyValue, 'rules' | 'check'>
export type PolicyUse = Schemas['UsedPolicy']
export type PoliciesUsed = Schemas['PoliciesUsed']

export type Matrix = Schemas['MatrixView']
export type MatrixCell = Schemas['MatrixCell']
export type Outlook = MatrixCell['policy']

/** `token`: what the request is taken to carry. */
export type ExplainRequest = Pick<
  Required<Schemas['ExplainBody']>,
  'service' | 'source' | 'address' | 'host' | 'method' | 'path' | 'headers' | 'at'
> & { token: { provider: string; claims: Record<string, string[]> } | null }
export type Explanation = Schemas['Explanation']
export type ExplainStep = Explanation['steps'][number]

export type Replayed = Schemas['Replayed']
export type ReplayRow = Replayed['rows'][number]

export type Suggested = Omit<Schemas['Suggested'], 'policy'> & {
  policy: Omit<PolicyValue, 'description' | 'check'>
}

export type AccessTable = Schemas['AccessTable']
export type ServiceAccess = Schemas['ServiceAccess']
export type AccessSetting = Schemas['SettingView']
export type MtlsMode = NonNullable<AccessSetting['mtls']>
export type DefaultAction = NonNullable<AccessSetting['default_action']>
export type Tokens = NonNullable<AccessSetting['tokens']>

export type JwtProvider = Required<Schemas['ProviderView']>
/** What one decides on. */
export type JwtProviderValue = Required<Omit<Schemas['NewProviderBody'], 'reason'>>
export type JwtAlgorithm = JwtProviderValue['algorithms'][number]

export type Plaintext = Schemas['PlaintextView']
export type Migration = Plaintext['services'][number]
