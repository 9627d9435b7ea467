import { expect, it } from 'vitest'
import { diffLines, toLines } from '@/ui/jsonDiff'

it('shows only what differs, whatever the order of the keys', () => {
  const before = toLines({ v2: 0, v1: 100 })
  const after = toLines({ v1: 50, v2: 0 })
  const changed = diffLines(before, after).filter(({ kind }) => kind !== 'same')
  expect(changed).toEqual([
    { kind: 'removed', text: '  "v1": 100,' },
    { kind: 'added', text: '  "v1": 50,' },
  ])
})

it('shows something new as added', () => {
  expect(diffLines(toLines(null), toLines({ a: 1 })).every(({ kind }) => kind === 'added')).toBe(true)
})
