/** Values of a shape at random, the same for the same seed; texts are those that trip writers of YAML. */
import type { Shape } from '@/features/traffic/draft/shape'

const TEXTS = [
  '',
  'a',
  'yes',
  'null',
  '1e3',
  '007',
  '- x',
  'a: b',
  '# no',
  ' lead',
  'two\nlines',
  '{id}',
  "it's",
  '~',
  'é—✓',
  '@',
  '*',
]

export type Random = () => number

export function seeded(seed: number): Random {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

const pick = <T>(items: readonly T[], random: Random): T => items[Math.floor(random() * items.length)] as T

export function sample(shape: Shape, random: Random): unknown {
  const several = <T>(make: () => T) => Array.from({ length: Math.floor(random() * 3) }, make)
  switch (shape.kind) {
    case 'number': {
      const value = shape.min + random() * Math.min(1000, shape.max - shape.min)
      return shape.whole ? Math.floor(value) : Math.round(value * 100) / 100
    }
    case 'text':
      return pick(TEXTS, random)
    case 'flag':
      return random() < 0.5
    case 'choice':
      return pick(shape.of, random)
    case 'list':
      return several(() => sample(shape.of, random))
    case 'map':
      return Object.fromEntries(several(() => [sample(shape.key, random), sample(shape.of, random)]))
    case 'maybe':
      return random() < 0.4 ? null : sample(shape.of, random)
    case 'record':
      return Object.fromEntries(
        Object.entries(shape.fields).map(([name, field]) => [name, sample(field, random)]),
      )
  }
}
