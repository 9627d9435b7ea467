import { describe, expect, it } from 'vitest'
import { readDuration, writeDuration } from '@/features/traffic/draft/duration'

import {
  compactRules,
  newRoute,
  PARTS,
  type Part,
  type Rules,
  ruleFlaws,
  SHAPES,
  wholeRoute,
} from '@/features/traffic/draft/rules'
import { compact, complete, same } from '@/features/traffic/draft/shape'
import { fromYaml, toYaml } from '@/features/traffic/draft/yaml'
import { freshName, keyOf, moved, successor } from '@/ui/rows'
import { sample, seeded } from './samples'

const TEXTS = { notRules: 'no rules', unknownPart: (name: string) => `no ${name}` }
const SEEDS = Array.from({ length: 200 }, (_, seed) => seed + 1)

function randomRules(seed: number): Rules {
  const random = seeded(seed)
  return Object.fromEntries(PARTS.map((part) => [part, sample(SHAPES[part], random)])) as Rules
}

describe('what is left out and filled in', () => {
  it('gives a route of the API its defaults, and only those', () => {
    const route = wholeRoute({ name: 'r', retry: { attempts: 2 } })
    expect(route).toEqual({ ...newRoute('r'), retry: { ...newRoute('r').retry, attempts: 2 } })
    expect(route.match).toEqual({ path: null, methods: [], headers: [], query: [], cookies: [], sources: [] })
  })

  it('says no default', () => {
    expect(compactRules({ routes: [newRoute('default')] })).toEqual({ routes: [{ name: 'default' }] })
  })

  it('brings everything back that it shortened', () => {
    const lost = SEEDS.flatMap((seed) => {
      const rules = randomRules(seed)
      const back = (part: Part) => complete(SHAPES[part], compact(SHAPES[part], rules[part]))
      return PARTS.filter((part) => !same(back(part), rules[part])).map((part) => `${part} of ${seed}`)
    })
    expect(lost).toEqual([])
  })
})

describe('YAML', () => {
  it('reads back what it wrote', () => {
    const lost = SEEDS.flatMap((seed) => {
      const rules = randomRules(seed)
      const back = fromYaml(toYaml(rules), TEXTS).rules
      return PARTS.filter((part) => !same(back?.[part], rules[part])).map((part) => `${part} of ${seed}`)
    })
    expect(lost).toEqual([])
  })

  it('names the line of a text that is no YAML', () => {
    const { rules, faults } = fromYaml('split: {v1: 100}\nroutes:\n  - name: "a\n', TEXTS)
    expect(rules).toBeNull()
    expect(faults[0]?.line).toBeGreaterThanOrEqual(3)
  })

  it('refuses a part that there is not, at its line', () => {
    expect(fromYaml('split: {v1: 100}\nrotues: []\n', TEXTS).faults).toEqual([
      { line: 2, message: 'no rotues' },
    ])
  })

  it('finds the line of a field, of an item, and of the nearest that is written', () => {
    const text =
      'split:\n  v1.2: 100\nroutes:\n  - name: a\n    timeouts:\n      request_ms: 0\n  - name: b\n'
    const { lineOf } = fromYaml(text, TEXTS)
    expect(lineOf('routes.0.timeouts.request_ms')).toBe(6)
    expect(lineOf('routes.1')).toBe(7)
    expect(lineOf('routes.1.match.path.value')).toBe(7)
    expect(lineOf('split.v1.2')).toBe(2)
  })
})

describe('what is wrong', () => {
  const paths = (rules: Partial<Rules>) => ruleFlaws(rules).map(({ path, text }) => `${path} ${text}`)

  it('finds nothing wrong with a new route', () => {
    expect(paths({ routes: [newRoute('default')], split: { v1: 60, v2: 40 } })).toEqual([])
  })

  it('names each field by its path', () => {
    const route = wholeRoute({
      name: 'Bad Name',
      match: { path: { kind: 'exact', value: '' }, methods: ['get'], sources: ['shop'] },
      retry: { attempts: 11 },
      mirror: { version: 'v1', percent: 101 },
      limits: [{ name: 'l', requests: 0, by: ['cookie:x'] }],
    })
    expect(paths({ routes: [route] })).toEqual([
      'routes.0.name flaw.name',
      'routes.0.match.path.value flaw.required',
      'routes.0.match.methods.0 flaw.method',
      'routes.0.match.sources.0 flaw.source',
      'routes.0.retry.attempts flaw.range',
      'routes.0.mirror.percent flaw.range',
      'routes.0.limits.0.requests flaw.range',
      'routes.0.limits.0.by.0 flaw.by',
    ])
  })

  it('wants weights to sum to 100, and a route at least', () => {
    expect(paths({ split: { v1: 50, v2: 40 } })).toEqual(['split flaw.sum'])
    expect(paths({ routes: [{ ...newRoute('r'), weights: { v1: 10 } }] })).toEqual([
      'routes.0.weights flaw.sum',
    ])
    expect(paths({ routes: [] })).toEqual(['routes flaw.noRoute'])
  })

  it('names what does not belong, and what is of another type', () => {
    const odd = wholeRoute({ name: 'r', wieghts: {}, timeouts: { request_ms: '2s' }, match: [] })
    expect(paths({ routes: [odd] })).toEqual([
      'routes.0.wieghts flaw.unknown',
      'routes.0.match flaw.map',
      'routes.0.timeouts.request_ms flaw.number',
    ])
  })
})

it('writes durations in their unit and reads all of them', () => {
  const written = [0, 25, 250, 1000, 1500, 15_000, 90_000, 300_000, 3_600_000, 1001]
  expect(written.map(writeDuration)).toEqual([
    '0 ms',
    '25 ms',
    '250 ms',
    '1 s',
    '1.5 s',
    '15 s',
    '1.5 min',
    '5 min',
    '1 h',
    '1001 ms',
  ])
  for (const ms of written) expect(readDuration(writeDuration(ms))).toBe(ms)
  expect(['750', '2s', '1,5 s', '5m', '', 'soon', '-1 s'].map(readDuration)).toEqual([
    750,
    2000,
    1500,
    300_000,
    null,
    null,
    null,
  ])
})

it('keeps a row the same while it is edited and moved', () => {
  const [a, b] = [newRoute('a'), newRoute('b')]
  const key = keyOf(a)
  const edited = successor(a, { ...a, name: 'other' })
  expect(moved([edited, b], 0, 1).map(keyOf)).toEqual([keyOf(b), key])
  expect(keyOf(structuredClone(edited))).not.toBe(key)
  expect(freshName('route', ['route', 'route-2'])).toBe('route-3')
})
