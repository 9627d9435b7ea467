/** The cockpit's ladder: a plan's steps grouped by the weight they run at, and when the current one ends. */
import type { Rollout, RolloutStep } from '@/api/types'
import { parseDuration } from './durations'

/** `weight` is null before the first weight: matches and mirrors. */
export type Rung = { weight: number | null; steps: RolloutStep[]; state: RolloutStep['state'] }

export function rungsOf(steps: RolloutStep[]): Rung[] {
  const rungs: Rung[] = []
  for (const step of steps) {
    const last = rungs.at(-1)
    if (!last || step.kind === 'set_weight') {
      rungs.push({ weight: step.kind === 'set_weight' ? step.weight : null, steps: [step], state: 'todo' })
    } else last.steps.push(step)
  }
  return rungs.map((rung) => ({ ...rung, state: stateOf(rung.steps) }))
}

function stateOf(steps: RolloutStep[]): RolloutStep['state'] {
  if (steps.every(({ state }) => state === 'done')) return 'done'
  return steps.every(({ state }) => state === 'todo') ? 'todo' : 'current'
}

/** A rollout that turned back stays shown at the step where it did. */
export function stepsOf({ steps, state, step_index }: Rollout): RolloutStep[] {
  if (state !== 'rolled_back') return steps
  return steps.map((step) => (step.index === step_index ? { ...step, state: 'current' } : step))
}

/** What the cockpit counts down to. */
export type Countdown = { to: 'step' | 'warm' | 'look' | 'settle'; at: string }

export function countdownOf(rollout: Rollout): Countdown | null {
  const { state, step_phase, next_due_at: due, steps, step_index, plan } = rollout
  if (!due) return null
  if (state === 'promoting') return { to: 'settle', at: due }
  if (state !== 'progressing') return null
  if (step_phase === 'warming') return { to: 'warm', at: due }
  const current = steps[step_index]
  const planned = plan.steps[step_index]
  if (current?.started_at && planned && 'bake' in planned) {
    const ms = parseDuration(planned.bake)
    return ms === null
      ? null
      : { to: 'step', at: new Date(Date.parse(current.started_at) + ms).toISOString() }
  }
  return current?.kind === 'analyse' ? { to: 'look', at: due } : null
}

/** Milliseconds since the epoch. */
export function deadlineOf({ state, deadline_at }: Rollout): number | null {
  return state === 'progressing' && deadline_at ? Date.parse(deadline_at) : null
}
