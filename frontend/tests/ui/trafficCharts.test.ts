import { expect, it } from 'vitest'
import { wholeSteps } from '@/ui/TrafficCharts'

const REST = {
  resolution_s: 1,
  details: { bytes_in_per_s: [], bytes_out_per_s: [], codes: {}, flags: {} },
  by_version: {},
  by_route: {},
  by_instance: {},
  saturation: {},
  compare: null,
}

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
    ...REST,
  }
  expect(wholeSteps(metrics, 125).times).toEqual([100, 110])
  expect(wholeSteps(metrics, 125).series.rps).toEqual([1, 2])
})

it('begins where the data begins, but with a minute at least', () => {
  const rps = [null, null, null, 1, 2, 3, 4, 5, 6, 7]
  const series = { rps, error_rate: rps, p50_ms: rps, p95_ms: rps, p99_ms: rps }
  const times = rps.map((_, index) => 100 + 10 * index)
  const metrics = { step_s: 10, from: '', to: '', source: 'frames' as const, times, series, ...REST }
  expect(wholeSteps(metrics, 1000).times[0]).toBe(130)
  expect(wholeSteps(metrics, 150).times[0]).toBe(100)
})
