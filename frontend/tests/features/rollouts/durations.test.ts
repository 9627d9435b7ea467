import { expect, it } from 'vitest'
import { formatDuration, formatRough, parseDuration, spellDuration } from '@/features/rollouts/durations'

it.each([
  ['30s', 30_000],
  ['1h30m', 5_400_000],
  ['1500ms', 1500],
  ['1.5s', 1500],
  ['PT5M', 300_000],
  ['P1DT1H', 90_000_000],
])('reads %s', (text, ms) => {
  expect(parseDuration(text)).toBe(ms)
})

it.each(['', '30', 's', '5 m', 'P', 'PT', '1y', '-5s'])('refuses %s', (text) => {
  expect(parseDuration(text)).toBeNull()
})

it.each([0, 1000, 1500, 60_000, 5_400_000, 90_061_000])('spells %i ms so that it is read back', (ms) => {
  expect(parseDuration(spellDuration(ms))).toBe(ms)
})

it('says durations in two units at most', () => {
  const plain = (ms: number) => formatDuration(ms).replaceAll('\u00a0', ' ')
  expect([45_000, 60_000, 90_000, 690_000, 3_600_000, 5_400_000].map(plain)).toEqual([
    '45 s',
    '1 min',
    '1 min 30 s',
    '12 min',
    '1 h',
    '1 h 30 min',
  ])
  expect(formatRough(229_000).replaceAll('\u00a0', ' ')).toBe('4 min')
})
