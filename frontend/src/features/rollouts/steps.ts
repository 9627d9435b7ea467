/** The steps of a plan: what each strategy starts from, when each one comes, and who sees the canary during it. */
import type { PlanStep, RouteMatch, StepKind, Strategy } from '@/api/types'
import { parseDuration } from './durations.ts'

export const STRATEGIES: Strategy[] = ['canary', 'blue_green', 'ab', 'mirror', 'manual']
export const STEP_KINDS: StepKind[] = [
  'set_weight',
  'bake',
  'analyse',
  'approve',
  'set_match',
  'set_mirror',
  'webhook',
  'pause',
]

export function kindOf(step: PlanStep): StepKind {
  return Object.keys(step)[0] as StepKind
}

export function headerMatch(name: string, value: string): RouteMatch {
  return {
    path: null,
    methods: [],
    headers: [{ name, kind: 'exact', value, invert: false }],
    query: [],
    cookies: [],
    sources: [],
  }
}

export function cookieMatch(name: string, value: string): RouteMatch {
  return {
    ...headerMatch(name, value),
    headers: [],
    cookies: [{ name, kind: 'exact', value, invert: false }],
  }
}

/** A step of a kind, ready to be edited. */
export function newStep(kind: StepKind): PlanStep {
  if (kind === 'set_weight') return { set_weight: 10 }
  if (kind === 'bake') return { bake: '60s' }
  if (kind === 'set_match') return { set_match: [headerMatch('x-canary', 'always')] }
  if (kind === 'set_mirror') return { set_mirror: { percent: 10, unsafe: false } }
  if (kind === 'webhook') return { webhook: { url: '' } }
  return { [kind]: {} } as PlanStep
}

const climb = (weights: number[]): PlanStep[] =>
  weights.flatMap((weight): PlanStep[] =>
    weight === 100 ? [{ set_weight: weight }] : [{ set_weight: weight }, { bake: '60s' }, { analyse: {} }],
  )

/** What a strategy does when nothing is edited, as the server would fill it in. After the last step comes promotion. */
export function stepsOfStrategy(strategy: Strategy): PlanStep[] {
  switch (strategy) {
    case 'canary':
      return climb([1, 5, 10, 25, 50, 100])
    case 'blue_green':
      return [{ set_weight: 100 }, { bake: '60s' }]
    case 'ab':
      return [newStep('set_match'), { bake: '60s' }, { analyse: {} }]
    case 'mirror':
      return [newStep('set_mirror'), { bake: '60s' }, { analyse: {} }]
    case 'manual':
      return [{ set_weight: 10 }, { pause: {} }, { set_weight: 50 }, { pause: {} }, { set_weight: 100 }]
  }
}

/** Who meets the canary while a step lasts. `share` is of all requests, 0..1. */
export type Audience = { share: number; mirrored: number; matches: RouteMatch[] }

/** `waits`: what ends the step. `ms`: how long it takes at least; null where a person decides. */
export type TimedStep = {
  index: number
  step: PlanStep
  audience: Audience
  startMs: number
  ms: number | null
  waits: 'proxies' | 'time' | 'evidence' | 'person' | 'answer'
}

export type Pace = { warmMs: number; intervalMs: number; minRequests: number; rps: number | null }

const WEBHOOK_MS = 1000
const PERSON_KINDS = new Set<StepKind>(['approve', 'pause'])

/** When each step starts and how long it takes, people's decisions counted as nothing. */
export function schedule(steps: PlanStep[], pace: Pace): TimedStep[] {
  let audience: Audience = { share: 0, mirrored: 0, matches: [] }
  let startMs = 0
  let atThisWeightMs = 0
  return steps.map((step, index) => {
    audience = after(audience, step)
    const ms = lasts(step, pace, audience.share, atThisWeightMs)
    const timed: TimedStep = { index, step, audience, startMs, ms, waits: waitsFor(kindOf(step)) }
    startMs += ms ?? 0
    atThisWeightMs = 'set_weight' in step ? 0 : atThisWeightMs + (ms ?? 0)
    return timed
  })
}

function after(audience: Audience, step: PlanStep): Audience {
  if ('set_weight' in step) return { ...audience, share: step.set_weight / 100 }
  if ('set_match' in step) return { ...audience, matches: step.set_match }
  if ('set_mirror' in step) return { ...audience, mirrored: step.set_mirror.percent / 100 }
  return audience
}

function lasts(step: PlanStep, pace: Pace, share: number, measuredMs: number): number | null {
  const kind = kindOf(step)
  if (PERSON_KINDS.has(kind)) return null
  if ('bake' in step) return parseDuration(step.bake) ?? 0
  if (kind === 'webhook') return WEBHOOK_MS
  if (kind !== 'analyse') return pace.warmMs
  const canaryRps = (pace.rps ?? 0) * share
  if (canaryRps === 0) return pace.intervalMs
  return Math.max(pace.intervalMs, (pace.minRequests / canaryRps) * 1000 - measuredMs)
}

function waitsFor(kind: StepKind): TimedStep['waits'] {
  if (PERSON_KINDS.has(kind)) return 'person'
  if (kind === 'bake') return 'time'
  if (kind === 'analyse') return 'evidence'
  return kind === 'webhook' ? 'answer' : 'proxies'
}

/** The whole of it: milliseconds that pass by themselves, and how often a person is waited for. */
export function totalOf(timed: TimedStep[], postCheckMs: number): { ms: number; people: number } {
  const ms = timed.reduce((sum, each) => sum + (each.ms ?? 0), postCheckMs)
  return { ms, people: timed.filter((each) => each.waits === 'person').length }
}

/** The weights a plan goes through, in their order. */
export function weightsOf(steps: PlanStep[]): number[] {
  return steps.flatMap((step) => ('set_weight' in step ? [step.set_weight] : []))
}

export function movedStep(steps: PlanStep[], from: number, to: number): PlanStep[] {
  const next = [...steps]
  const [step] = next.splice(from, 1)
  if (step) next.splice(to, 0, step)
  return next
}
