import { describe, expect, it } from 'vitest'
import type { GraphEdge } from '@/api/types'
import { edgeLabel } from '@/features/topology/options'

const http = {
  protocol: 'http',
  rps: 12.3,
  error_rate: 0.05,
  p50_ms: 8,
  p95_ms: 20,
  p99_ms: 30,
  bytes_in_per_s: 1024,
  bytes_out_per_s: 1024,
} as GraphEdge
const tcp = { ...http, protocol: 'tcp', rps: 0 }
const plain = (text: string) => text.replace(/[\u00a0\u202f]/g, ' ')

describe('what stands at an edge', () => {
  it('is what was chosen, of requests', () => {
    expect(plain(edgeLabel('rate')(http))).toBe('12.3 rps')
    expect(plain(edgeLabel('p95')(http))).toBe('20.0 ms')
  })

  it.each(['rate', 'p50', 'p95', 'p99'])('is the bytes of connections, for %s', (choice) => {
    expect(plain(edgeLabel(choice)(tcp))).toBe('2.00 KiB/s')
  })

  it('is the share of errors of both', () => {
    expect(plain(edgeLabel('errors')(tcp))).toBe(plain(edgeLabel('errors')(http)))
  })
})
