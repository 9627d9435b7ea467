import { cleanup, screen, within } from '@testing-library/react'
import { describe, expect, it } from 'vitest'
import { saturationLines } from '@/features/services/SaturationCharts'
import { askedOf, comparesFor, groupCharts, queryFor } from '@/features/services/SeriesPanel'
import { errorMarks, ratePath } from '@/features/services/Sparkline'
import { mockBackend, open } from './pages'

const backend = mockBackend()

describe('the series of a service', () => {
  it('are asked for as the address says', async () => {
    open('/services/shop/catalog?range=24h&compare=7d&by=version')
    await screen.findAllByText(/by version/)
    const asked = backend.asked.find(({ path }) => path.startsWith('metrics/?'))?.path ?? ''
    const query = new URLSearchParams(asked.slice(asked.indexOf('?')))
    expect(Object.fromEntries(query)).toMatchObject({ service: 'shop/catalog', compare: '7d', by: 'version' })
    expect(query.has('step')).toBe(false)
    const from = Date.parse(query.get('from') ?? '')
    expect(Date.now() - from).toBeGreaterThan(86_300_000)
  })

  it('leave out what an address cannot have', () => {
    expect(askedOf({ range: 'year', compare: '1h', by: 'host' })).toEqual({
      range: '15m',
      compare: '1h',
      by: 'none',
    })
    expect(comparesFor('7d')).not.toContain('1h')
    expect(askedOf({ range: '7d', compare: '1h', by: 'route' }).compare).toBe('none')
    expect(queryFor('a/b', { range: '15m', compare: 'none', by: 'none' })).toEqual({
      service: 'a/b',
      step: '10s',
    })
  })

  it('show the six with the most requests, each in its own colour', () => {
    const series = (rps: number) => ({
      rps: [0, rps, 0],
      error_rate: [null, 0, null],
      p50_ms: [],
      p95_ms: [],
      p99_ms: [1, 2, 3],
    })
    const groups = Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`v${n}`, series(n)]))
    const { rate, latency } = groupCharts(groups, 1, 2)
    expect(rate.map(({ label }) => label)).toEqual(['v3', 'v4', 'v5', 'v6', 'v7', 'v8'])
    expect(new Set(rate.map(({ color }) => color)).size).toBe(6)
    expect(latency[0]?.values).toEqual([2])
  })
})

describe('the saturation of a service', () => {
  it('is drawn where instances are told apart, and only there', async () => {
    open('/services/shop/catalog?by=instance')
    for (const name of ['CPU of a core', 'Memory', 'Open connections', 'Requests under way']) {
      await screen.findByText(`${name}, by instance`)
    }
    cleanup()
    open('/services/shop/catalog?by=version')
    await screen.findAllByText(/by version/)
    expect(screen.queryByText(/CPU of a core/)).toBeNull()
  })

  it('has the colours of the charts of requests, and fills up with the busiest', () => {
    const gauges = (cpu: number) => ({
      cpu_percent: [0, cpu],
      rss_bytes: [null, 9],
      connections: [1, 2],
      active_requests: [3, 4],
    })
    const series = (rps: number) => ({ rps: [rps], error_rate: [], p50_ms: [], p95_ms: [], p99_ms: [] })
    const saturation = Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`px-${n}`, gauges(n)]))
    const lines = saturationLines({ by_instance: { 'px-0': series(5) }, saturation }, 1, 2)
    expect(lines.cpu_percent.map(({ label }) => label)).toEqual([
      'px-0',
      'px-4',
      'px-5',
      'px-6',
      'px-7',
      'px-8',
    ])
    expect(lines.rss_bytes[0]).toMatchObject({ values: [9], color: '--accent' })
    expect(new Set(lines.connections.map(({ color }) => color)).size).toBe(6)
  })
})

describe('sparklines', () => {
  it('come for every service in one request', async () => {
    open('/services')
    const table = await screen.findByRole('table', { name: 'Services' })
    expect(
      await within(table).findByRole('img', { name: /^Rate of shop\/payments: .*errors 1\d/ }),
    ).toBeTruthy()
    expect(backend.asked.filter(({ path }) => path.startsWith('metrics/'))).toHaveLength(1)
  })

  it('leave a gap where nobody looked, and mark steps with errors', () => {
    expect(ratePath([1, null, 1, 2]).match(/M/g)).toHaveLength(2)
    expect(ratePath([null, null])).toBe('')
    expect(errorMarks([0, null, 0.2, 0.0001]).match(/M/g)).toHaveLength(1)
  })
})
