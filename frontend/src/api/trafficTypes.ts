/** The traffic rules as the dashboard names them: whole, with every part that the API fills in. */
import type { components } from './schema'

type Schemas = components['schemas']

export type Weights = Record<string, number>

export type FieldMatch = Schemas['FieldMatch']
export type HeaderMatch = Schemas['HeaderMatch']
export type HeaderOps = Schemas['HeaderOps']
export type Redirect = Schemas['Redirect']
export type Rewrite = Schemas['Rewrite']
export type DirectResponse = Schemas['DirectResponse']
export type Backend = Schemas['Backend']
export type Mirror = Schemas['Mirror']
export type Fault = Schemas['Fault']
export type Retry = Required<Schemas['Retry']>
export type RateLimit = Schemas['RateLimit']
export type Route = Omit<Required<Schemas['Route']>, 'retry'> & { retry: Retry }

export type Balancer = Required<Schemas['Balancer']>
export type HealthCheck = Schemas['HealthCheck']
export type Outlier = Schemas['Outlier']
export type Resilience = Omit<Schemas['ResilienceView'], 'version' | 'balancer'> & { balancer: Balancer }

export type SimulateRequest = Schemas['SimulateBody']
export type Simulation = Schemas['Simulation']

export type DryRun = Schemas['Tried']
export type DryRunRow = Schemas['TriedRow']
export type Fate = Schemas['FateView']

export type LimitsUsage = Schemas['LimitsUsage']
export type LimitUsage = Schemas['LimitUsage']

export type Imported = Schemas['ImportView']
export type ImportedService = Schemas['ImportedService']
export type ExchangeFormat = Schemas['ExportView']['format']
export type ExchangeNote = Schemas['Note']
