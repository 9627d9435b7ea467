import { expect, it } from 'vitest'
import { wholeSteps } from '@/ui/TrafficCharts'

it('leaves out the step that has not ended', () => {
  const values = [1, 2, 3]
  const series = { rps: values, error_rate: values, p50_ms: values, p95_ms: values, p99_ms: values }
  const metrics = {
    step_s: 10,
    from: '',
    to: '',
    source: 'frames' as const,
    times: [100, 110, 120],
    series,
    by_version: {},
  }
  expect(wholeSteps(metrics, 125).times).toEqual([100, 110])
  expect(wholeSteps(metrics, 125).series.rps).toEqual([1, 2])
})
