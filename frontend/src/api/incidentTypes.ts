/** What is wrong, what was promised, and who is told: the wire shapes as the dashboard names them. */
import type { components } from './schema'

type Schemas = components['schemas']

export type Overview = Schemas['OverviewView']
export type WorstEdge = Schemas['WorstEdge']
export type EndingCertificate = Schemas['EndingCertificate']

export type Alert = Schemas['AlertView']
export type AlertSeverity = Alert['severity']
export type AlertRule = NonNullable<Schemas['SilenceBody']['rule']>
export type Silence = Schemas['SilenceView']
export type NewSilence = Schemas['SilenceBody']
export type Receiver = Schemas['ReceiverView']
export type NewReceiver = Schemas['ReceiverBody']
export type Notice = Schemas['NoticeView']

export type Budget = Schemas['Budget']
export type Burn = Schemas['Burn']
export type Objective = Schemas['ObjectiveView']
export type ServiceObjectives = Schemas['ServiceObjectives']
export type ObjectiveBody = Schemas['ObjectiveBody']
export type BudgetHistory = Schemas['BudgetHistory']
export type BudgetSpan = '1h' | '24h' | '7d' | '28d'
export type Sparklines = Schemas['Sparklines']
