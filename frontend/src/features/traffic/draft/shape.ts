/**
 * Shapes of values as data: what a field may hold and what it holds when it is left out. One table of them serves
 * validation while typing, the ranges of inputs, defaults, and the short form that YAML and differences show.
 */
import type { TextKey } from '@/text'

export type Shape =
  | { kind: 'number'; min: number; max: number; whole: boolean; usual?: number }
  | { kind: 'text'; min: number; max: number; pattern?: RegExp; hint?: TextKey; usual?: string }
  | { kind: 'flag'; usual: boolean }
  | { kind: 'choice'; of: readonly (string | number)[]; usual?: string | number }
  | { kind: 'list'; of: Shape; max: number; usual: readonly unknown[] }
  | { kind: 'map'; key: Shape; of: Shape }
  | { kind: 'record'; fields: Readonly<Record<string, Shape>> }
  | { kind: 'maybe'; of: Shape; on: boolean }

/** What is wrong with one field, said by a text of the catalogue. */
export type Flaw = { path: string; text: TextKey; params?: Record<string, string | number> }

type TextOptions = { min?: number; pattern?: RegExp; hint?: TextKey; usual?: string }

export const whole = (min: number, max: number, usual?: number): Shape => ({
  kind: 'number',
  min,
  max,
  whole: true,
  usual,
})
export const decimal = (min: number, max: number, usual?: number): Shape => ({
  kind: 'number',
  min,
  max,
  whole: false,
  usual,
})
export const text = (max: number, options: TextOptions = {}): Shape => ({
  kind: 'text',
  min: 0,
  max,
  ...options,
})
export const flag = (usual = false): Shape => ({ kind: 'flag', usual })
export const choice = (of: readonly (string | number)[], usual?: string | number): Shape => ({
  kind: 'choice',
  of,
  usual,
})
export const list = (of: Shape, max = Number.POSITIVE_INFINITY, usual: readonly unknown[] = []): Shape => ({
  kind: 'list',
  of,
  max,
  usual,
})
export const map = (key: Shape, of: Shape): Shape => ({ kind: 'map', key, of })
export const record = (fields: Record<string, Shape>): Shape => ({ kind: 'record', fields })
/** Null, or the shape; `on` where it is there unless it is turned off. */
export const maybe = (of: Shape, on = false): Shape => ({ kind: 'maybe', of, on })

type Dict = Record<string, unknown>
const isDict = (value: unknown): value is Dict =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** What stands for a value that is left out; undefined where one has to be given. */
export function usual(shape: Shape): unknown {
  switch (shape.kind) {
    case 'record':
      return complete(shape, {})
    case 'map':
      return {}
    case 'maybe':
      return shape.on ? usual(shape.of) : null
    case 'list':
      return [...shape.usual]
    default:
      return shape.usual
  }
}

/** The value with all that it leaves out; what does not fit the shape stays as it is, for `flaws` to name. */
export function complete(shape: Shape, value: unknown): unknown {
  if (value === undefined) return usual(shape)
  if (shape.kind === 'maybe') return value === null ? null : complete(shape.of, value)
  if (shape.kind === 'list' && Array.isArray(value)) return value.map((item) => complete(shape.of, item))
  if (!isDict(value)) return value
  if (shape.kind === 'map') return mapped(value, (item) => complete(shape.of, item))
  if (shape.kind !== 'record') return value
  const known = mapped(shape.fields, (field, name) => complete(field, value[name]))
  return { ...known, ...mapped(value, (item, name) => (name in known ? known[name] : item)) }
}

/** The value without what it would have anyway, in the shape's order; undefined where nothing is left. */
export function compact(shape: Shape, value: unknown): unknown {
  if (same(value, usual(shape))) return undefined
  return shortened(shape, value)
}

function shortened(shape: Shape, value: unknown): unknown {
  if (shape.kind === 'maybe') return value === null ? null : shortened(shape.of, value)
  if (shape.kind === 'list' && Array.isArray(value)) return value.map((item) => shortened(shape.of, item))
  if (!isDict(value)) return value
  if (shape.kind === 'map') return mapped(value, (item) => shortened(shape.of, item))
  if (shape.kind !== 'record') return value
  const short: Dict = {}
  for (const [name, field] of Object.entries(shape.fields)) {
    const left = compact(field, value[name])
    if (left !== undefined) short[name] = left
  }
  return short
}

function mapped<A, B>(
  from: Readonly<Record<string, A>>,
  change: (item: A, name: string) => B,
): Record<string, B> {
  return Object.fromEntries(Object.entries(from).map(([name, item]) => [name, change(item, name)]))
}

/** Equal in meaning: the order of keys does not matter, that of lists does. */
export function same(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, index) => same(item, b[index]))
  if (!isDict(a) || !isDict(b)) return false
  const names = Object.keys(a)
  return names.length === Object.keys(b).length && names.every((name) => name in b && same(a[name], b[name]))
}

/** All that is wrong with a value, depth first. */
export function flaws(shape: Shape, value: unknown, path: string): Flaw[] {
  switch (shape.kind) {
    case 'maybe':
      return value === null ? [] : flaws(shape.of, value, path)
    case 'number':
      return numberFlaws(shape, value, path)
    case 'text':
      return textFlaws(shape, value, path)
    case 'flag':
      return typeof value === 'boolean' ? [] : [{ path, text: 'flaw.flag' }]
    case 'choice':
      return shape.of.includes(value as string)
        ? []
        : [{ path, text: 'flaw.choice', params: { choices: shape.of.join(', ') } }]
    case 'list':
      return listFlaws(shape, value, path)
    case 'map':
      return mapFlaws(shape, value, path)
    case 'record':
      return recordFlaws(shape, value, path)
  }
}

type Of<K extends Shape['kind']> = Extract<Shape, { kind: K }>
const below = (path: string, name: string | number) => (path ? `${path}.${name}` : String(name))

function numberFlaws({ min, max, whole: isWhole }: Of<'number'>, value: unknown, path: string): Flaw[] {
  if (value === undefined) return [{ path, text: 'flaw.required' }]
  if (typeof value !== 'number' || Number.isNaN(value)) return [{ path, text: 'flaw.number' }]
  if (isWhole && !Number.isInteger(value)) return [{ path, text: 'flaw.whole' }]
  return value < min || value > max ? [{ path, text: 'flaw.range', params: { min, max } }] : []
}

function textFlaws({ min, max, pattern, hint }: Of<'text'>, value: unknown, path: string): Flaw[] {
  if (value === undefined || (value === '' && (min > 0 || pattern?.test('') === false)))
    return [{ path, text: 'flaw.required' }]
  if (typeof value !== 'string') return [{ path, text: 'flaw.text' }]
  if (value.length > max) return [{ path, text: 'flaw.long', params: { max } }]
  return pattern && !pattern.test(value) ? [{ path, text: hint ?? 'flaw.pattern' }] : []
}

function listFlaws({ of, max }: Of<'list'>, value: unknown, path: string): Flaw[] {
  if (!Array.isArray(value)) return [{ path, text: 'flaw.list' }]
  const tooMany: Flaw[] = value.length > max ? [{ path, text: 'flaw.many', params: { max } }] : []
  return tooMany.concat(value.flatMap((item, index) => flaws(of, item, below(path, index))))
}

function mapFlaws({ key, of }: Of<'map'>, value: unknown, path: string): Flaw[] {
  if (!isDict(value)) return [{ path, text: 'flaw.map' }]
  return Object.entries(value).flatMap(([name, item]) => [
    ...flaws(key, name, below(path, name)),
    ...flaws(of, item, below(path, name)),
  ])
}

function recordFlaws({ fields }: Of<'record'>, value: unknown, path: string): Flaw[] {
  if (!isDict(value)) return [{ path, text: 'flaw.map' }]
  const unknown = Object.keys(value).filter((name) => !(name in fields))
  return [
    ...unknown.map((name): Flaw => ({ path: below(path, name), text: 'flaw.unknown', params: { name } })),
    ...Object.entries(fields).flatMap(([name, field]) => flaws(field, value[name], below(path, name))),
  ]
}

/** The shape of a field of a record, through a `maybe`. */
export function fieldOf(shape: Shape, name: string): Shape {
  if (shape.kind === 'maybe') return fieldOf(shape.of, name)
  const found = shape.kind === 'record' ? shape.fields[name] : undefined
  if (!found) throw new Error(`no field ${name} in a ${shape.kind}`)
  return found
}
