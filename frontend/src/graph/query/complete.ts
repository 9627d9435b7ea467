/** What could stand at the cursor of a query: fields and flags, operators, values, connectives. Pure. */
import { type Scene, serviceOf } from '@/graph/scene'
import { FIELDS, type Field, fieldNamed, USUAL_UNIT } from './fields'
import { QueryError, type Token, tokenize } from './lexer'

export type Option = { text: string; kind: 'field' | 'flag' | 'operator' | 'value' | 'connective' | 'name' }
/** `[from, to)` of the text is what a chosen option replaces. */
export type Completion = { from: number; to: number; options: Option[] }
/** The names that occur in a graph, by field; `''` holds the names of nodes. */
export type Vocabulary = Record<string, string[]>

const MOST = 12
const ROUND_NUMBERS: Record<string, string[]> = {
  rate: ['1', '10', '100'],
  share: ['0.1%', '1%', '10%'],
  time: ['50ms', '200ms', '1s'],
  bytes: ['1kB', '1MB'],
  count: ['1', '100'],
}
const NEEDS_QUOTES = /[\s()!=<>"&|]/

export function vocabularyOf(graph: Scene): Vocabulary {
  const words = new Map<string, Set<string>>()
  const add = (field: string, word: string | null | undefined) => {
    if (word) words.set(field, (words.get(field) ?? new Set()).add(word))
  }
  for (const node of graph.nodes) {
    add('ns', node.namespace)
    add('service', serviceOf(node))
    add('name', node.name)
    add('version', node.version)
    add('instance', node.instance)
  }
  for (const edge of graph.edges)
    for (const name of Object.keys({ ...edge.codes, ...edge.flags })) add('response', name)
  const vocabulary: Vocabulary = {}
  for (const [field, found] of words) vocabulary[field] = [...found].sort()
  return {
    ...vocabulary,
    from: vocabulary.service ?? [],
    to: vocabulary.service ?? [],
    '': vocabulary.name ?? [],
  }
}

export function complete(text: string, cursor: number, vocabulary: Vocabulary): Completion {
  const tokens = tokensBefore(text.slice(0, cursor))
  const last = tokens.at(-1)
  const touched = last && last.to === cursor && ['word', 'and', 'or', 'not'].includes(last.kind) ? last : null
  const before = touched && text[touched.from] !== '!' ? tokens.slice(0, -1) : tokens
  const prefix = before.length < tokens.length ? (touched as Token) : null
  const options = possible(before, vocabulary).filter(({ text: each }) => fits(each, prefix?.text ?? ''))
  return {
    from: prefix?.from ?? cursor,
    to: cursor,
    options: ranked(options, prefix?.text ?? '').slice(0, MOST),
  }
}

/** Within quotes nothing is completed. */
function tokensBefore(text: string): Token[] {
  try {
    return tokenize(text).slice(0, -1)
  } catch (error) {
    if (error instanceof QueryError) return [{ kind: 'quoted', text: '', from: text.length, to: text.length }]
    throw error
  }
}

function possible(before: Token[], vocabulary: Vocabulary): Option[] {
  const last = before.at(-1)
  const field = last?.kind === 'word' ? fieldNamed(last.text) : null
  if (last?.kind === 'operator') return valuesOf(before.at(-2), vocabulary)
  const isValue = before.at(-2)?.kind === 'operator'
  if (field && !isValue && field[1].kind !== 'flag') return operatorsOf(field[1])
  const ended = last && ['word', 'quoted', 'close'].includes(last.kind)
  return ended ? connectives(before) : terms(vocabulary)
}

function operatorsOf(field: Field): Option[] {
  const operators = field.kind === 'number' ? ['>', '<', '>=', '<=', '=', '!='] : ['=', '!=']
  return operators.map((text) => ({ text, kind: 'operator' }))
}

function valuesOf(name: Token | undefined, vocabulary: Vocabulary): Option[] {
  const known = name && fieldNamed(name.text)
  if (!known) return []
  const [field, { kind }] = known
  const definition = FIELDS[field] as Field
  const values =
    definition.kind === 'number'
      ? (ROUND_NUMBERS[definition.unit] ?? [USUAL_UNIT[definition.unit]])
      : definition.kind === 'choice'
        ? definition.values
        : kind === 'text'
          ? (vocabulary[field] ?? [])
          : []
  return values.map((text) => ({ text: quoted(text), kind: 'value' }))
}

function connectives(before: Token[]): Option[] {
  const open = before.filter(({ kind }) => kind === 'open').length
  const closed = before.filter(({ kind }) => kind === 'close').length
  const words = open > closed ? ['and', 'or', ')'] : ['and', 'or']
  return words.map((text) => ({ text, kind: 'connective' }))
}

function terms(vocabulary: Vocabulary): Option[] {
  const fields = Object.entries(FIELDS).map(
    ([text, { kind }]): Option => ({ text, kind: kind === 'flag' ? 'flag' : 'field' }),
  )
  const names = (vocabulary[''] ?? []).filter((name) => !fieldNamed(name))
  return [
    ...fields,
    { text: 'not', kind: 'connective' },
    ...names.map((text): Option => ({ text: quoted(text), kind: 'name' })),
  ]
}

function quoted(text: string): string {
  return NEEDS_QUOTES.test(text) ? `"${text}"` : text
}

function fits(option: string, prefix: string): boolean {
  return option.toLowerCase().includes(prefix.toLowerCase())
}

/** What begins with the typed letters comes first; what is typed in full needs no completion. */
function ranked(options: Option[], prefix: string): Option[] {
  const typed = prefix.toLowerCase()
  const begins = options.filter(({ text }) => text.toLowerCase().startsWith(typed))
  const rest = options.filter((option) => !begins.includes(option))
  return [...begins, ...rest].filter(({ text }) => text.toLowerCase() !== typed)
}
