import type { ChartColor } from '@/ui/TimeChart'

/** Of lines that have no colour of their own, and so how many there are at most. */
export const COLORS: ChartColor[] = [
  '--accent',
  '--degraded',
  '--healthy',
  '--progress',
  '--failing',
  '--muted',
]
