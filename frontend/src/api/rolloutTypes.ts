/** Rollouts as the dashboard names them: plans whole, with every part that the API fills in. */
import type { components } from './schema'

type Schemas = components['schemas']

/** One step as a body says it: an object with one key, its kind. */
type StepFields = Required<Schemas['StepBody']>
export type StepKind = keyof StepFields
export type PlanStep = { [K in StepKind]: Pick<StepFields, K> }[StepKind]

export type CustomMetric = Schemas['MetricBody']
export type PlanMetric = 'errors' | 'latency' | CustomMetric
export type Analysis = Omit<Schemas['AnalysisBody'], 'metrics'> & { metrics: PlanMetric[] }
export type Safety = Schemas['SafetyBody']
export type Notify = Required<Schemas['NotifyBody']>
export type NotifyKind = Notify['kind']
export type NotifyEvent = Notify['on'][number]

export type Plan = Omit<Schemas['PlanView'], 'steps' | 'analysis' | 'safety' | 'notify'> & {
  steps: PlanStep[]
  analysis: Analysis
  safety: Safety
  notify: Notify[]
}
export type PlanBody = Plan & Pick<Schemas['RolloutBody'], 'start' | 'reason'>
export type Strategy = Plan['strategy']
export type OnFail = Plan['on_fail']

export type Rollout = Omit<Schemas['RolloutView'], 'plan'> & { plan: Plan }
/** A rollout that was tried: it has no id, and says what to expect. */
export type RolloutTried = Rollout & Pick<Schemas['RolloutWritten'], 'preflight' | 'estimate'>
export type RolloutState = Rollout['state']
export type RolloutAction = Rollout['may'][number]
export type RolloutStep = Schemas['StepView']
export type StepPhase = Rollout['step_phase']
export type Sample = Schemas['SampleView']
export type Verdict = Schemas['VerdictView']
export type VerdictKind = Verdict['kind']
export type MetricVerdict = Schemas['MetricView']
export type SideTraffic = Schemas['SideView']
export type RolloutEvent = Omit<Schemas['EventView'], 'data'> & { data: Record<string, unknown> }
export type Measurement = Schemas['MeasurementView']

export type Preflight = Schemas['PreflightView']
export type Estimate = Schemas['EstimateView']
export type AnalysisTemplate = Schemas['TemplateView']
export type Backtest = Schemas['BacktestView']
export type BacktestBody = Schemas['BacktestBody']
export type RolloutFilters = {
  service?: string
  namespace?: string
  state?: RolloutState | ''
  active?: boolean
  search?: string
}
