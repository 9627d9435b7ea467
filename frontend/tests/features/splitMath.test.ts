import { describe, expect, it } from 'vitest'
import { even, setWeight, sum, weightChanges } from '@/features/traffic/splitMath'

const none = new Set<string>()

describe('setWeight', () => {
  it('takes from the other version what it gives to one', () => {
    expect(setWeight({ v1: 100, v2: 0 }, none, 'v2', 50)).toEqual({ v1: 50, v2: 50 })
  })

  it('takes from the others in proportion and stays whole', () => {
    const next = setWeight({ v1: 60, v2: 30, v3: 10 }, none, 'v3', 40)
    expect(next).toEqual({ v1: 40, v2: 20, v3: 40 })
  })

  it('sums to 100 for every weight of every version', () => {
    for (const version of ['v1', 'v2', 'v3']) {
      for (let weight = -10; weight <= 110; weight += 1) {
        const next = setWeight({ v1: 33, v2: 33, v3: 34 }, none, version, weight)
        expect(sum(next)).toBe(100)
        expect(Object.values(next).every((each) => Number.isInteger(each) && each >= 0)).toBe(true)
      }
    }
  })

  it('leaves locked versions alone and stops at what they leave', () => {
    const next = setWeight({ v1: 50, v2: 30, v3: 20 }, new Set(['v1']), 'v3', 90)
    expect(next).toEqual({ v1: 50, v2: 0, v3: 50 })
  })

  it('changes nothing when no other version is free', () => {
    const weights = { v1: 70, v2: 30 }
    expect(setWeight(weights, new Set(['v1']), 'v2', 40)).toBe(weights)
  })

  it('shares evenly among others that all have nothing', () => {
    expect(setWeight({ v1: 100, v2: 0, v3: 0 }, none, 'v1', 50)).toEqual({ v1: 50, v2: 25, v3: 25 })
  })

  it('reads an empty field as zero', () => {
    expect(setWeight({ v1: 50, v2: 50 }, none, 'v2', Number.NaN)).toEqual({ v1: 100, v2: 0 })
  })
})

describe('even', () => {
  it('gives the remainder to the first', () => {
    expect(even({ v1: 100, v2: 0, v3: 0 }, none)).toEqual({ v1: 34, v2: 33, v3: 33 })
  })

  it('shares only what the locks leave', () => {
    expect(even({ v1: 40, v2: 60, v3: 0 }, new Set(['v1']))).toEqual({ v1: 40, v2: 30, v3: 30 })
  })
})

it('names only the weights that differ', () => {
  const changes = weightChanges({ v1: 100, v2: 0, v3: 0 }, { v1: 90, v2: 10, v3: 0 })
  expect(changes).toEqual([
    { version: 'v1', before: 100, after: 90 },
    { version: 'v2', before: 0, after: 10 },
  ])
})
