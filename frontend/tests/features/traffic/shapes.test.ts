/** The shapes that the editors work with say the same as the API's own description. */
import { expect, it } from 'vitest'
import { LIMIT, RESILIENCE, ROUTE } from '@/features/traffic/draft/rules'
import { type Shape, usual } from '@/features/traffic/draft/shape'
import openapi from '../../../openapi.json'

type Json = Record<string, unknown>
const schemas = openapi.components.schemas as unknown as Record<string, Json>

function deref(schema: Json): Json {
  const ref = schema.$ref as string | undefined
  return ref ? { ...schemas[ref.split('/').at(-1) ?? ''], default: schema.default } : schema
}

const sortedTexts = (items: readonly unknown[]) => items.map(String).sort()

function differences(shape: Shape, given: Json, path: string): string[] {
  const schema = deref(given)
  const choices = schema.anyOf as Json[] | undefined
  if (shape.kind === 'maybe') {
    const inner = choices?.find((each) => each.type !== 'null')
    return inner ? differences(shape.of, inner, path) : [`${path}: is not nullable`]
  }
  const wrong = (what: string, ours: unknown, theirs: unknown) =>
    JSON.stringify(ours) === JSON.stringify(theirs) ? [] : [`${path} ${what}: ${ours}, the API ${theirs}`]
  const ownDefault =
    'default' in schema && schema.default !== undefined ? wrong('default', usual(shape), schema.default) : []
  switch (shape.kind) {
    case 'number':
      return [
        ...wrong('type', shape.whole ? 'integer' : 'number', schema.type),
        ...wrong('minimum', shape.min, schema.minimum),
        ...wrong('maximum', shape.max, schema.maximum),
        ...ownDefault,
      ]
    case 'text':
      return [
        ...wrong('longest', Number.isFinite(shape.max) ? shape.max : undefined, schema.maxLength),
        ...wrong('pattern', shape.pattern?.source.replaceAll('\\/', '/'), schema.pattern),
        ...wrong('shortest', shape.min || undefined, schema.minLength),
        ...ownDefault,
      ]
    case 'flag':
      return [...wrong('type', 'boolean', schema.type), ...ownDefault]
    case 'choice':
      return [
        ...wrong('choices', sortedTexts(shape.of), sortedTexts(schema.enum as unknown[])),
        ...ownDefault,
      ]
    case 'list':
      return [
        ...wrong('longest', Number.isFinite(shape.max) ? shape.max : undefined, schema.maxItems),
        ...differences(shape.of, schema.items as Json, `${path}[]`),
      ]
    case 'map': {
      const names = schema.propertyNames as Json
      return [
        ...differences(shape.key, names, `${path} names`),
        ...differences(shape.of, schema.additionalProperties as Json, `${path}{}`),
      ]
    }
    case 'record': {
      const theirs = Object.keys(schema.properties as Json).filter((name) => name !== 'reason')
      return [
        ...wrong('fields', sortedTexts(Object.keys(shape.fields)), sortedTexts(theirs)),
        ...theirs.flatMap((name) => {
          const field = shape.fields[name]
          return field
            ? differences(field, (schema.properties as Record<string, Json>)[name] ?? {}, `${path}.${name}`)
            : []
        }),
      ]
    }
  }
}

it.each([
  ['Route', ROUTE],
  ['ResilienceBody', RESILIENCE],
  ['RateLimit', LIMIT],
])('%s is shaped as the API says', (name, shape) => {
  expect(differences(shape, { $ref: `#/components/schemas/${name}` }, name)).toEqual([])
})
