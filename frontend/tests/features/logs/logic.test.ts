import { describe, expect, it } from 'vitest'
import { LIVE_LINES, tailed } from '@/api/logs'
import { TAP_RECORDS, watched } from '@/api/taps'
import type { LogLine, Tap, TapMessage } from '@/api/types'
import { BLANK, filtersOf, isNarrowed, wantedOf } from '@/features/logs/search'
import { leftOf } from '@/features/logs/TapView'
import { draftFrom, draftOf, isFiltered, whatWords } from '@/features/logs/tapForm'
import { t } from '@/text'
import { flagWords, policyOf, ruleWords } from '@/ui/decisionWords'

const now = Date.parse('2026-01-01T12:00:00Z')

describe('a search of the log', () => {
  it('asks for what was given, within the last hour', () => {
    const search = { ...BLANK, source: 'unknown', code: '5xx', error: 'true', reporter: 'source' }
    expect(filtersOf(search, now)).toEqual({
      source: 'unknown',
      code: '5xx',
      error: true,
      reporter: 'source',
      from: '2026-01-01T11:00:00.000Z',
      to: '2026-01-01T12:00:00.000Z',
    })
  })

  it('finds one trace or request whenever it was', () => {
    expect(filtersOf({ ...BLANK, trace_id: 'abc' }, now)).toEqual({ trace_id: 'abc' })
    expect(filtersOf({ ...BLANK, request_id: 'r1' }, now)).toEqual({ request_id: 'r1' })
  })

  it('does not ask for what is half typed or unknown', () => {
    expect(wantedOf({ ...BLANK, code: '50', reporter: 'nobody' })).toEqual({})
    expect(wantedOf({ ...BLANK, code: '0' })).toEqual({ code: '0' })
    expect(isNarrowed({ ...BLANK, range: '24h', live: '1', line: 'x' })).toBe(false)
    expect(isNarrowed({ ...BLANK, path: '/cart' })).toBe(true)
  })
})

describe('the live log', () => {
  const line = (id: number) => ({ id: String(id) }) as LogLine

  it('puts what is new first, keeps so many, and remembers that some were left out', () => {
    const first = tailed({ lines: [line(1)], skipped: false }, [line(3), line(2)], true)
    expect(first.lines.map(({ id }) => id)).toEqual(['3', '2', '1'])
    const many = Array.from({ length: LIVE_LINES }, (_, id) => line(id))
    const next = tailed(first, many, false)
    expect(next.lines).toHaveLength(LIVE_LINES)
    expect(next.skipped).toBe(true)
  })
})

describe('what is watched of a tap', () => {
  const message = (from: number, to: number): TapMessage => ({
    tap: { id: '1', state: 'active' } as Tap,
    counts: {
      matched: to,
      received: to,
      dropped_by_proxies: 0,
      dropped_by_collector: 0,
      proxies: 1,
      refused: [],
    },
    records: Array.from({ length: to - from + 1 }, (_, index) => ({ n: from + index }) as never),
  })

  it('holds each request once, newest first, and counts what never came', () => {
    const began = watched(undefined, message(5, 7))
    expect(began.records.map(({ n }) => n)).toEqual([7, 6, 5])
    expect(began.lost).toBe(0)
    const again = watched(began, message(6, 8))
    expect(again.records.map(({ n }) => n)).toEqual([8, 7, 6, 5])
    expect(again.lost).toBe(0)
    const gap = watched(again, message(12, 12))
    expect([gap.lost, gap.last]).toEqual([3, 12])
    expect(watched(gap, { ...message(1, 0), records: [] }).last).toBe(12)
  })

  it('is bounded', () => {
    const full = watched(
      watched(undefined, message(1, TAP_RECORDS)),
      message(TAP_RECORDS + 1, TAP_RECORDS + 9),
    )
    expect(full.records).toHaveLength(TAP_RECORDS)
    expect(full.records[0]?.n).toBe(TAP_RECORDS + 9)
  })

  it('counts down', () => {
    expect(leftOf('2026-01-01T12:09:41Z', now)).toBe('9:41')
    expect(leftOf('2026-01-01T11:00:00Z', now)).toBe('0:00')
  })
})

describe('a tap in words', () => {
  it('says both sides and every filter', async () => {
    await import('@/features/logs/texts')
    expect(whatWords(draftOf({ source: 'shop/cart', destination: '' }), t)).toBe('requests from shop/cart')
    const draft = {
      ...draftOf({ source: 'unknown', destination: 'shop/cart' }),
      method: 'POST',
      path: '/x/*',
      code: '5xx',
      header: 'x-t',
    }
    expect(whatWords(draft, t)).toBe('requests from outside the mesh to shop/cart, POST /x/*, 5xx, x-t: any')
  })

  it('is had again as it was, without its end', () => {
    const tap = {
      ...draftOf({ source: 'a/b', destination: 'c/d' }),
      id: '7',
      state: 'expired',
      flag: 'UH',
    } as never
    expect(draftFrom(tap)).toEqual({ ...draftOf({ source: 'a/b', destination: 'c/d' }), flag: 'UH' })
    expect(isFiltered(draftFrom(tap))).toBe(true)
    expect(isFiltered(draftOf({ source: 'a/b', destination: '' }))).toBe(false)
  })
})

describe('decisions in words', () => {
  it('name flag and rule, and let what is unknown stand', () => {
    expect(flagWords('UAEX', t)).toBe('Access was denied (UAEX)')
    expect(flagWords('ZZ', t)).toBe('ZZ')
    expect(ruleWords('policy:readers/0', t)).toBe('Policy readers, rule 1')
    expect(ruleWords('policy:readers', t)).toBe('Policy readers: none of its rules let it in')
    expect(ruleWords('default:deny', t)).toBe('Denied by the default action: no policy lets it in')
    expect(ruleWords('default:allow', t)).toBe('Allowed by the default action')
    expect(ruleWords('limit:per-user', t)).toBe('Limit per-user')
    expect(ruleWords('novel:thing', t)).toBe('novel:thing')
    expect([policyOf('policy:readers/0'), policyOf('limit:x'), policyOf('')]).toEqual(['readers', null, null])
  })
})
