/** The wizard's draft: its defaults, the plan it makes, and where it is kept between visits. */
import type {
  Analysis,
  Notify,
  OnFail,
  Plan,
  PlanBody,
  PlanStep,
  Safety,
  Service,
  Strategy,
} from '@/api/types'
import { parseDuration } from './durations'
import { stepsOfStrategy } from './steps'

export const WIZARD_STEPS = ['service', 'strategy', 'steps', 'analysis', 'safety', 'review'] as const
export type WizardStep = (typeof WIZARD_STEPS)[number]

/** Steps are kept per strategy once edited, so that looking at another strategy loses nothing. */
export type Draft = {
  service: string
  canary: string
  stable: string
  strategy: Strategy
  steps: Partial<Record<Strategy, PlanStep[]>>
  analysis: Analysis
  on_fail: OnFail
  approvers: string[]
  safety: Safety
  notify: Notify[]
  reason: string
}

export function newDraft(service: string): Draft {
  return {
    service,
    canary: '',
    stable: '',
    strategy: 'canary',
    steps: {},
    analysis: {
      interval: '15s',
      alpha: 0.01,
      objective_ms: 300,
      metrics: ['errors', 'latency'],
      min_requests: 200,
      template: '',
    },
    on_fail: 'rollback',
    approvers: [],
    safety: {
      step_deadline: '30m',
      ack_deadline: '60s',
      warm: '30s',
      post_check: '5m',
      dead_man: null,
      sticky: null,
    },
    notify: [],
    reason: '',
  }
}

export function stepsOf(draft: Draft): PlanStep[] {
  return draft.steps[draft.strategy] ?? stepsOfStrategy(draft.strategy)
}

/** The draft with its two versions chosen: stable is where the traffic is, the canary where it is not. */
export function withVersions(draft: Draft, service: Service | undefined): Draft {
  if (!service) return draft
  const byWeight = [...service.versions].sort((a, b) => b.weight - a.weight)
  const exists = (name: string) => byWeight.some((version) => version.name === name)
  const canary = exists(draft.canary)
    ? draft.canary
    : (byWeight.findLast((version) => version.name !== draft.stable && version !== byWeight[0])?.name ?? '')
  const stable =
    exists(draft.stable) && draft.stable !== canary
      ? draft.stable
      : (byWeight.find((version) => version.name !== canary)?.name ?? '')
  return { ...draft, canary, stable }
}

export function planOf(draft: Draft): Plan {
  const { service, canary, stable, strategy, analysis, on_fail, approvers, safety, notify } = draft
  const steps = stepsOf(draft)
  return { service, canary, stable, strategy, steps, analysis, on_fail, approvers, safety, notify }
}

/** A plan that ran before, to be started anew. */
export function draftFromPlan(plan: Plan): Draft {
  return {
    ...newDraft(plan.service),
    ...plan,
    stable: plan.stable ?? '',
    steps: { [plan.strategy]: plan.steps },
  }
}

export function bodyOf(draft: Draft): PlanBody {
  return { ...planOf(draft), start: true, reason: draft.reason }
}

// Validation that needs no server; everything else is asked of it by a dry run.

export type FieldProblem = 'required' | 'duration' | 'percent' | 'url' | 'positive' | 'same'

/** What is wrong, by the path the server uses for the field too. */
export function problemsOf(draft: Draft): Record<string, FieldProblem> {
  const found: Record<string, FieldProblem> = {}
  const duration = (path: string, text: string) => {
    if (parseDuration(text) === null) found[path] = 'duration'
  }
  if (!draft.service) found.service = 'required'
  if (!draft.canary) found.canary = 'required'
  if (!draft.stable) found.stable = 'required'
  if (draft.canary && draft.canary === draft.stable) found.canary = 'same'
  const steps = stepsOf(draft)
  if (steps.length === 0) found.steps = 'required'
  for (const [index, step] of steps.entries()) {
    const path = `steps.${index}`
    if ('set_weight' in step && !isPercent(step.set_weight)) found[path] = 'percent'
    if ('set_mirror' in step && !isPercent(step.set_mirror.percent)) found[path] = 'percent'
    if ('bake' in step) duration(path, step.bake)
    if ('webhook' in step && !isHttp(step.webhook.url)) found[path] = 'url'
    if ('set_match' in step && !step.set_match.every(isNamed)) found[path] = 'required'
  }
  const { analysis, safety } = draft
  duration('analysis.interval', analysis.interval)
  if (!(analysis.objective_ms > 0)) found['analysis.objective_ms'] = 'positive'
  if (!(analysis.min_requests > 0)) found['analysis.min_requests'] = 'positive'
  for (const [index, metric] of analysis.metrics.entries()) {
    if (typeof metric === 'string') continue
    if (!metric.name) found[`analysis.metrics.${index}.name`] = 'required'
    if (!metric.promql) found[`analysis.metrics.${index}.promql`] = 'required'
  }
  for (const key of ['step_deadline', 'ack_deadline', 'warm', 'post_check'] as const)
    duration(`safety.${key}`, safety[key])
  if (safety.dead_man !== null) duration('safety.dead_man', safety.dead_man)
  for (const [index, { kind, target }] of draft.notify.entries()) {
    const path = `notify.${index}.target`
    if (!target) found[path] = 'required'
    else if (kind !== 'email' && !isHttp(target)) found[path] = 'url'
  }
  return found
}

const isPercent = (value: number) => Number.isFinite(value) && value >= 0 && value <= 100
const isHttp = (text: string) => /^https?:\/\/[^\s/]+/.test(text)
const isNamed = (match: { headers?: { name: string }[]; cookies?: { name: string }[] }) =>
  [...(match.headers ?? []), ...(match.cookies ?? [])].every(({ name }) => name !== '')

const STEP_OF_FIELD: Record<string, WizardStep> = {
  service: 'service',
  checks: 'service',
  canary: 'service',
  stable: 'service',
  strategy: 'strategy',
  steps: 'steps',
  analysis: 'analysis',
  on_fail: 'safety',
  approvers: 'safety',
  safety: 'safety',
  notify: 'safety',
}

/** The wizard's step on which a field is edited. */
export function wizardStepOf(path: string): WizardStep {
  return STEP_OF_FIELD[path.split('.')[0] ?? ''] ?? 'review'
}

/** Every path that has an input of its own. */
export function fieldsOf(draft: Draft): string[] {
  return [
    'service',
    'checks',
    'canary',
    'stable',
    'strategy',
    'steps',
    ...stepsOf(draft).map((_, index) => `steps.${index}`),
    'analysis.interval',
    'analysis.alpha',
    'analysis.objective_ms',
    'analysis.min_requests',
    'analysis.template',
    'analysis.metrics',
    ...draft.analysis.metrics.flatMap((_, index) =>
      ['name', 'promql', 'success', 'failure', 'failure_limit', 'error_limit']
        .map((field) => `analysis.metrics.${index}.${field}`)
        .concat(`analysis.metrics.${index}`),
    ),
    'on_fail',
    'approvers',
    ...['step_deadline', 'ack_deadline', 'warm', 'post_check', 'dead_man', 'sticky'].map(
      (field) => `safety.${field}`,
    ),
    ...draft.notify.flatMap((_, index) => ['target', 'on'].map((field) => `notify.${index}.${field}`)),
  ]
}

// Kept in the browser, one draft per service.

const KEY = 'meshui.rollout.draft:'
const SHAPE = 1

export function saveDraft(draft: Draft): void {
  if (!draft.service) return
  localStorage.setItem(KEY + draft.service, JSON.stringify({ shape: SHAPE, draft }))
}

export function dropDraft(service: string): void {
  localStorage.removeItem(KEY + service)
}

/** What was kept for a service; null when nothing was, or by another shape of this page. */
export function loadDraft(service: string): Draft | null {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY + service) ?? 'null') as {
      shape: number
      draft: Draft
    } | null
    return kept?.shape === SHAPE ? { ...newDraft(service), ...kept.draft, service } : null
  } catch {
    return null
  }
}
