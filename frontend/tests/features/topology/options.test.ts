import { describe, expect, it } from 'vitest'
import { neighbourOf } from '@/features/topology/neighbour'
import {
  choiceOf,
  focusOf,
  graphParams,
  MOST_HOPS,
  parsed,
  togglePatch,
  URL_DEFAULTS,
} from '@/features/topology/options'

describe('the address', () => {
  it('falls back to what is usual for values nobody knows', () => {
    expect(graphParams({ window: 'week', by: 'planet' })).toEqual({ window: '60s', by: 'service' })
    expect(focusOf({ focus: 'shop/cart', hops: '99', dir: 'sideways' })).toEqual({
      id: 'shop/cart',
      hops: MOST_HOPS,
      direction: 'both',
    })
    expect(focusOf({ focus: '', hops: '2', dir: 'both' })).toBeNull()
  })

  it('asks for nothing with a faulty query, and keeps the fault', () => {
    expect(choiceOf({ ...URL_DEFAULTS, find: 'rate >' }).find).toBeNull()
    expect(parsed('rate >').error?.from).toBe(6)
    expect(choiceOf({ ...URL_DEFAULTS, hide: 'tcp' }).hide).toEqual({ kind: 'flag', field: 'tcp' })
  })

  it('names what was opened and closed', () => {
    expect(togglePatch({ open: 'a', closed: 'b' }, 'a', false)).toEqual({ open: '', closed: 'b,a' })
    expect(togglePatch({ open: 'a', closed: 'b' }, 'b', true)).toEqual({ open: 'a,b', closed: '' })
  })
})

describe('walking by arrow keys', () => {
  const places = { a: { x: 0, y: 0 }, b: { x: 200, y: 20 }, c: { x: 210, y: 300 }, d: { x: 0, y: 200 } }
  const ids = Object.keys(places)
  const to = (from: string, key: string) => neighbourOf(from, key, ids, places)

  it('goes to what lies next in the direction', () => {
    expect(to('a', 'ArrowRight')).toBe('b')
    expect(to('a', 'ArrowDown')).toBe('d')
    expect(to('c', 'ArrowUp')).toBe('b')
    expect(to('b', 'ArrowLeft')).toBe('a')
  })
  it('stays where nothing lies that way, and begins at the left', () => {
    expect(to('a', 'ArrowLeft')).toBeNull()
    expect(to('gone', 'ArrowRight')).toBe('a')
    expect(neighbourOf('a', 'ArrowRight', [], places)).toBeNull()
  })
})
