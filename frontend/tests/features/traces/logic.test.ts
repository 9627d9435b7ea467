import { describe, expect, it } from 'vitest'
import type { Span } from '@/api/types'
import '@/features/traces/texts'
import { sentencesOf } from '@/features/traces/decisions'
import { durationScale, nearest, summaryOf, timeScale } from '@/features/traces/points'
import { BLANK, filtersOf, isNarrowed } from '@/features/traces/search'
import {
  childrenOf,
  criticalPath,
  firstFault,
  outsideParent,
  placed,
  rowsOf,
  selfTime,
  ticks,
  timeByService,
} from '@/features/traces/waterfall'
import { t } from '@/text'

const span = (
  span_id: string,
  parent: Span | null,
  from: number,
  to: number,
  rest: Partial<Span> = {},
): Span => ({
  span_id,
  parent_id: parent?.span_id ?? null,
  depth: parent ? parent.depth + 1 : 0,
  orphan: false,
  service: `shop/${span_id}`,
  version: '',
  peer: '',
  name: 'GET',
  kind: 'server',
  reporter: 'proxy',
  offset_ms: from,
  duration_ms: to - from,
  error: false,
  message: '',
  decisions: null,
  attributes: {},
  events: [],
  ...rest,
})

describe('the rows of a waterfall', () => {
  const root = span('root', null, 0, 100)
  const a = span('a', root, 5, 50)
  const aa = span('aa', a, 10, 40)
  const b = span('b', root, 50, 90)
  const spans = [root, a, aa, b]

  it('leave out what lies below a folded span, and nothing beside it', () => {
    expect(rowsOf(spans, new Set()).map(({ span: { span_id } }) => span_id)).toEqual(['root', 'a', 'aa', 'b'])
    const rows = rowsOf(spans, new Set(['a']))
    expect(rows.map(({ span: { span_id } }) => span_id)).toEqual(['root', 'a', 'b'])
    expect(rows[1]).toMatchObject({ children: 1, folded: true })
    expect(rowsOf(spans, new Set(['root', 'a'])).length).toBe(1)
  })

  it('count the time in which no child ran once, however much the children overlap', () => {
    const children = childrenOf(spans)
    expect(selfTime(root, children.get('root') ?? [])).toBe(15)
    expect(selfTime(root, [span('x', root, 0, 60), span('y', root, 30, 80), span('z', root, 70, 300)])).toBe(
      0,
    )
    expect(selfTime(aa, [])).toBe(30)
  })
})

describe('the critical path', () => {
  it('follows the child that ended last, and what came before it', () => {
    const root = span('root', null, 0, 100)
    const quick = span('quick', root, 10, 30)
    const slow = span('slow', root, 10, 70)
    const last = span('last', root, 75, 95)
    const path = criticalPath([root, quick, slow, last])
    expect(path.get('root')).toEqual([
      [0, 10],
      [70, 75],
      [95, 100],
    ])
    expect(path.get('slow')).toEqual([[10, 70]])
    expect(path.get('last')).toEqual([[75, 95]])
    expect(path.has('quick')).toBe(false)
  })

  it('takes all of the time, however children stand', () => {
    const root = span('root', null, 0, 100)
    const outside = span('outside', root, 60, 140)
    const before = span('before', root, -20, 30)
    const path = criticalPath([root, outside, before])
    const total = [...path.values()].flat().reduce((sum, [from, to]) => sum + to - from, 0)
    expect(total).toBeCloseTo(120)
    expect(path.get('root')).toEqual([[30, 60]])
  })

  it('gives the time of a call that nobody tells of to whom it called', () => {
    const root = span('root', null, 0, 100, { service: 'shop/checkout' })
    const silent = span('silent', root, 10, 90, {
      service: 'shop/checkout',
      peer: 'shop/payments',
      kind: 'client',
    })
    const spans = [root, silent]
    expect(timeByService(spans, criticalPath(spans))).toEqual([
      { service: 'shop/payments', ms: 80, share: 0.8 },
      { service: 'shop/checkout', ms: 20, share: 0.2 },
    ])
    const told = [...spans, span('told', silent, 20, 80, { service: 'shop/payments' })]
    expect(timeByService(told, criticalPath(told))[0]).toEqual({
      service: 'shop/payments',
      ms: 60,
      share: 0.6,
    })
  })

  it('counts tries to whom they were sent', () => {
    const call = span('call', null, 0, 50, {
      service: 'shop/checkout',
      peer: 'shop/payments',
      kind: 'client',
    })
    const tried = span('try', call, 0, 50, {
      service: 'shop/checkout',
      kind: 'internal',
      attributes: { 'meshui.outcome': '503' },
    })
    const spans = [call, tried]
    expect(timeByService(spans, criticalPath(spans))).toEqual([
      { service: 'shop/payments', ms: 50, share: 1 },
    ])
  })
})

describe('what is said of a trace', () => {
  it('names the deepest request that failed, not its tries', () => {
    const root = span('root', null, 0, 9, { error: true })
    const call = span('call', root, 1, 8, { error: true })
    const tried = span('try', call, 1, 8, { error: true, attributes: { 'meshui.outcome': 'reset' } })
    expect(firstFault([root, call, tried])?.span_id).toBe('call')
    expect(firstFault([span('ok', null, 0, 1)])).toBeUndefined()
  })

  it('tells of clocks that differ by more than they are read apart', () => {
    const parent = span('p', null, 10, 20)
    expect(outsideParent(span('c', parent, 9.5, 20.5), parent)).toBeNull()
    expect(outsideParent(span('c', parent, 5, 15), parent)).toBe('before')
    expect(outsideParent(span('c', parent, 12, 40), parent)).toBe('after')
  })

  it('stands where it was in the time that is shown', () => {
    expect(placed([25, 50], [0, 100])).toEqual({ left: 0.25, width: 0.25 })
    expect(placed([0, 100], [50, 150])).toEqual({ left: 0, width: 0.5 })
    expect(placed([0, 40], [50, 150])).toBeNull()
    expect(placed([3, 3], [3, 3])).toEqual({ left: 0, width: 0 })
  })

  it('has round ticks that leave room for their labels', () => {
    expect(ticks([0, 204], 5)).toEqual([0, 50, 100, 150])
    expect(ticks([110, 190], 5)).toEqual([120, 140, 160, 180])
    expect(ticks([4, 4], 5)).toEqual([4])
  })
})

describe('a search', () => {
  const now = Date.parse('2026-01-01T12:00:03Z')

  it('is of the last hour, but for the seconds in which spans arrive', () => {
    expect(filtersOf(BLANK, now)).toEqual({
      from: '2026-01-01T11:00:00.000Z',
      to: '2026-01-01T12:00:00.000Z',
    })
    expect(filtersOf({ ...BLANK, range: 'ever' }, now).from).toBe('2026-01-01T11:00:00.000Z')
  })

  it('asks for what was given only, an edge in place of a service', () => {
    const search = {
      ...BLANK,
      service: 'shop/cart',
      edge: 'a/b->c/d',
      min: '12.5',
      code: '503',
      error: 'true',
    }
    expect(
      filtersOf({ ...search, max: 'many', from: '2026-01-01T10:00:00Z', to: '2026-01-01T10:01:00Z' }, now),
    ).toEqual({
      edge: 'a/b->c/d',
      min_ms: 12.5,
      code: 503,
      error: true,
      from: '2026-01-01T10:00:00Z',
      to: '2026-01-01T10:01:00Z',
    })
  })

  it('is narrowed by everything but its time', () => {
    expect(isNarrowed({ ...BLANK, range: '24h', from: 'x', to: 'y' })).toBe(false)
    expect(isNarrowed({ ...BLANK, flag: 'UH' })).toBe(true)
  })
})

describe('the scatter', () => {
  const point = (trace_id: string, at: number, duration_ms: number, error = false) => ({
    trace_id,
    at,
    duration_ms,
    error,
  })
  const points = [point('a', 100, 4), point('b', 160, 320, true)]

  it('answers in numbers', () => {
    expect(summaryOf({ points, truncated: true })).toEqual({
      count: 2,
      errors: 1,
      slowest: 320,
      truncated: true,
    })
  })

  it('has whole powers of ten around all durations, also where there is one', () => {
    expect(durationScale(points)).toEqual([1, 1000])
    expect(durationScale([point('a', 1, 10)])).toEqual([10, 100])
    expect(durationScale([point('a', 1, 0)])).toEqual([0.001, 0.01])
    expect(durationScale([])).toEqual([1, 1000])
  })

  it('shows the time that was asked for, or that of the newest where there were too many', () => {
    const [from, to] = [new Date(0).toISOString(), new Date(200_000).toISOString()]
    expect(timeScale({ points, truncated: false }, from, to)).toEqual([0, 200])
    expect(timeScale({ points, truncated: true }, from, to)).toEqual([100, 200])
  })

  it('finds the point that is meant, a failed one before another at the same place', () => {
    const shown = [
      { point: points[0] as never, x: 10, y: 10 },
      { point: points[1] as never, x: 10, y: 10 },
      { point: point('c', 1, 1), x: 40, y: 10 },
    ]
    expect(nearest(shown, 12, 10, 14)?.trace_id).toBe('b')
    expect(nearest(shown, 38, 10, 14)?.trace_id).toBe('c')
    expect(nearest(shown, 25, 40, 14)).toBeNull()
  })
})

describe('what the mesh decided', () => {
  const decisions = {
    route: 'card',
    rule: '',
    flags: ['FI'],
    code: 503,
    tries: 1,
    secured: false,
    request_bytes: 0,
    response_bytes: 0,
  }
  const words = (peer: string, endpoint: string) =>
    sentencesOf(span('a', null, 0, 1, { peer, decisions: { ...decisions, endpoint } }), [], t).map(
      ({ text }) => text,
    )

  it('says plain text only of what was sent', () => {
    expect(words('shop/payments', '')).not.toContain('Called in plain text')
    expect(words('shop/payments', '10.0.0.1:80')).toContain('Called in plain text')
    expect(words('', '')).toContain('Came in plain text')
  })
})
