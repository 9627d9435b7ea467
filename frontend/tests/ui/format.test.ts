import { afterEach, describe, expect, it } from 'vitest'
import { setLocale } from '@/text'
import {
  formatBytes,
  formatCountdown,
  formatMs,
  formatRate,
  formatRelative,
  formatShare,
  NONE,
} from '@/ui/format'

const plain = (text: string) => text.replace(/[\u00a0\u202f]/g, ' ')

afterEach(() => setLocale('en'))

describe('numbers', () => {
  it.each([
    [0, '0 rps'],
    [0.004, '< 0.01 rps'],
    [1.234, '1.23 rps'],
    [12.345, '12.3 rps'],
    [212.4, '212 rps'],
    [999.7, '1.00 krps'],
    [45_678, '45.7 krps'],
  ])('rate %d is %s', (rps, text) => expect(plain(formatRate(rps))).toBe(text))

  it.each([
    [0.25, '250 µs'],
    [8, '8.00 ms'],
    [842.3, '842 ms'],
    [1204, '1.20 s'],
  ])('%d ms is %s', (ms, text) => expect(plain(formatMs(ms))).toBe(text))

  it.each([
    [0, '0 %'],
    [0.0512, '5.12 %'],
    [0.00001, '< 0.01 %'],
    [1, '100 %'],
    [0.99999, '100 %'],
  ])('share %d is %s', (share, text) => expect(plain(formatShare(share))).toBe(text))

  it('never parts a number from its unit', () => {
    for (const text of [formatRate(0.004), formatMs(842.3), formatShare(1), formatBytes(2048)]) {
      expect(text).not.toContain(' ')
      expect(text).toContain('\u00a0')
    }
  })

  it('counts bytes in powers of two', () => {
    expect(plain(formatBytes(41_900_000))).toBe('40.0 MiB')
  })

  it('never invents a zero', () => {
    expect([formatRate(null), formatMs(undefined), formatShare(null)]).toEqual([NONE, NONE, NONE])
  })

  it('writes French numbers in French', async () => {
    await setLocale('fr')
    expect(plain(formatShare(0.0512))).toBe('5,12 %')
  })
})

describe('times', () => {
  const now = Date.parse('2026-03-01T12:00:00Z')
  it.each([
    ['2026-03-01T11:59:48Z', '12 sec. ago'],
    ['2026-03-01T12:00:04Z', 'now'],
    ['2026-03-01T11:57:00Z', '3 min. ago'],
    ['2026-03-01T14:30:00Z', 'in 2 hr.'],
    ['2026-02-26T12:00:00Z', '3 days ago'],
  ])('%s is %s', (iso, text) => expect(formatRelative(iso, now)).toBe(text))
})

it('counts down without jumping, and never below zero', () => {
  expect([34_000, 33_001, 725_000, 3_720_000, -5].map(formatCountdown)).toEqual([
    '0:34',
    '0:34',
    '12:05',
    '1:02:00',
    '0:00',
  ])
})
