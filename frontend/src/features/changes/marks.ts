/** Changes as marks on charts: those that steer traffic, not who was given a token. */
import type { Change } from '@/api/types'
import type { ChartMark } from '@/ui/TimeChart'

const STEERING = /^(split|routes|resilience|gateway|service\.delete|version|instance|proxy\.evict)/

export function chartMarks(changes: Change[]): ChartMark[] {
  return changes
    .filter(({ action }) => STEERING.test(action))
    .map(({ at, id }) => ({ at: new Date(at).getTime() / 1000, label: `#${id}` }))
}
