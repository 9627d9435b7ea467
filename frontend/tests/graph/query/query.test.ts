import { describe, expect, it } from 'vitest'
import { complete, vocabularyOf } from '@/graph/query/complete'
import { matches } from '@/graph/query/evaluate'
import { parseAmount, type Subject } from '@/graph/query/fields'
import { matchesGlob } from '@/graph/query/glob'
import { QueryError } from '@/graph/query/lexer'
import { parse, type Query } from '@/graph/query/parser'
import { asSubject, chance, edge, node, pick } from './subjects'

const SEEDS = Array.from({ length: 400 }, (_, seed) => seed)

function finds(text: string, subject: Subject): boolean {
  const query = parse(text)
  return query !== null && matches(query, subject)
}

const payments: Subject = { node: node('shop/payments@v2', { health: 'failing', error_rate: 0.2 }) }
const sour = asSubject(
  edge('shop/checkout', 'shop/payments@v2', {
    rps: 12,
    error_rate: 0.051,
    p99_ms: 240,
    secured: 0.4,
    codes: { '2xx': 1000, '5xx': 60 },
    flags: { UH: 3 },
  }),
)
const tcp = asSubject(edge('shop/cart', 'data/store', { protocol: 'tcp', p99_ms: null }))

describe('what a query finds', () => {
  it.each([
    ['rate > 10 and error > 1%', sour, true],
    ['rate > 10 and error > 6%', sour, false],
    ['rate>10&&error>1', sour, true],
    ['ns = shop', sour, true],
    ['ns = data', tcp, true],
    ['ns != shop', tcp, false],
    ['ns = "shop"', payments, true],
    ['!mtls', sour, true],
    ['not mtls', tcp, false],
    ['p99 > 200ms', sour, true],
    ['p99 > 0.2s', sour, true],
    ['p99 < 1s', tcp, false],
    ['!(p99 < 1s)', tcp, false],
    ['version = v2', payments, true],
    ['version = v*', sour, true],
    ['tcp', tcp, true],
    ['tcp or failing', payments, true],
    ['health = failing', payments, true],
    ['health = f*', payments, true],
    ['pay', payments, true],
    ['pay*', payments, true],
    ['ay*', payments, false],
    ['*/pay*', payments, true],
    ['name = pay', payments, false],
    ['to = */payments', sour, true],
    ['from = shop/payments', sour, false],
    ['response = uh', sour, true],
    ['5xx > 4%', sour, true],
    ['throughput >= 5kB', tcp, true],
    ['tcp cart', tcp, true],
    ['failing or tcp and cart', payments, true],
    ['(failing or tcp) and cart', payments, false],
    ['outside', { node: node('external', { kind: 'external' }) }, true],
    ['"and"', { node: node('shop/and') }, true],
  ])('%s', (text, subject, found) => {
    expect(finds(text, subject as Subject)).toBe(found)
  })

  it('asks of a node nothing that only edges have, and not the opposite either', () => {
    expect(finds('mtls', payments)).toBe(false)
    expect(finds('!mtls', payments)).toBe(false)
    expect(finds('!mtls or failing', payments)).toBe(true)
  })

  it('is nothing for a text of blanks', () => expect(parse('  ')).toBeNull())
})

describe('what is wrong, and where', () => {
  it.each([
    ['rate >', 'expected-value', 6, 6],
    ['rate', 'expected-operator', 4, 4],
    ['rate 10', 'expected-operator', 5, 7],
    ['rate > fast', 'not-a-number', 7, 11],
    ['error > 1ms', 'not-a-number', 8, 11],
    ['p99 > 10%', 'not-a-number', 6, 9],
    ['health = bad', 'not-a-choice', 9, 12],
    ['ns > shop', 'not-ordered', 3, 4],
    ['mtls = yes', 'flag-compared', 5, 6],
    ['rte > 10', 'unknown-field', 0, 3],
    ['(tcp', 'unclosed-paren', 0, 1],
    ['tcp)', 'unopened-paren', 3, 4],
    ['tcp and', 'expected-term', 7, 7],
    ['tcp and or', 'expected-term', 8, 10],
    ['!', 'expected-term', 1, 1],
    ['ns = "sh', 'unclosed-quote', 5, 8],
  ])('%s', (text, code, from, to) => {
    const error = caught(text)
    expect([error?.code, error?.from, error?.to]).toEqual([code, from, to])
  })
})

function caught(text: string): QueryError | null {
  try {
    parse(text)
    return null
  } catch (error) {
    if (error instanceof QueryError) return error
    throw error
  }
}

// Queries by chance, as trees

const LEAVES: Query[] = [
  { kind: 'flag', field: 'mtls' },
  { kind: 'flag', field: 'failing' },
  { kind: 'number', field: 'rate', operator: '>', value: 10 },
  { kind: 'number', field: 'error', operator: '<=', value: 0.01 },
  { kind: 'number', field: 'p99', operator: '!=', value: 200 },
  { kind: 'text', field: 'ns', pattern: 'sh?p', negated: false },
  { kind: 'text', field: 'health', pattern: 'failing', negated: true },
  { kind: 'name', pattern: 'pay*' },
  { kind: 'name', pattern: 'a b' },
]

function anyQuery(random: () => number, depth = 4): Query {
  const kind = depth === 0 ? 'leaf' : pick(random, ['leaf', 'and', 'or', 'not'] as const)
  if (kind === 'leaf') return pick(random, LEAVES)
  if (kind === 'not') return { kind, of: anyQuery(random, depth - 1) }
  return { kind, left: anyQuery(random, depth - 1), right: anyQuery(random, depth - 1) }
}

function written(query: Query, random: () => number): string {
  switch (query.kind) {
    case 'and':
      return `(${written(query.left, random)} ${pick(random, ['and', 'AND', '&&', ''])} ${written(query.right, random)})`
    case 'or':
      return `(${written(query.left, random)} ${pick(random, ['or', '||'])} ${written(query.right, random)})`
    case 'not':
      return `${pick(random, ['!', 'not '])}${written(query.of, random)}`
    case 'number':
      return `${query.field}${pick(random, [' ', ''])}${query.operator} ${query.field === 'error' ? `${query.value * 100}%` : query.value}`
    case 'text':
      return `${query.field} ${query.negated ? '!=' : pick(random, ['=', '=='])} ${query.pattern}`
    case 'flag':
      return query.field
    case 'name':
      return `"${query.pattern}"`
  }
}

const SUBJECTS: Subject[] = [payments, sour, tcp, { node: node('unknown', { rps_in: 0, error_rate: null }) }]
const bare = ({ ...subject }: Subject) => subject

describe('for queries by chance', () => {
  it('the text of a tree parses to the tree', () => {
    for (const seed of SEEDS) {
      const random = chance(seed)
      const query = anyQuery(random)
      expect(parse(written(query, random))).toEqual(query)
    }
  })

  it('negation, and its laws, hold for every subject', () => {
    for (const seed of SEEDS) {
      const random = chance(seed)
      const [a, b] = [anyQuery(random), anyQuery(random)]
      for (const subject of SUBJECTS.map(bare)) {
        const not = (of: Query): Query => ({ kind: 'not', of })
        expect(matches(not(not(a)), subject)).toBe(matches(a, subject))
        expect(matches(a, subject) && matches(not(a), subject)).toBe(false)
        const left = not({ kind: 'and', left: a, right: b })
        const right: Query = { kind: 'or', left: not(a), right: not(b) }
        expect(matches(left, subject)).toBe(matches(right, subject))
        const either: Query = { kind: 'or', left: a, right: b }
        expect(matches(either, subject)).toBe(matches(a, subject) || matches(b, subject))
      }
    }
  })
})

const PIECES = [
  'rate',
  'ns',
  'health',
  'mtls',
  '>',
  '=',
  '!=',
  '!',
  '(',
  ')',
  'and',
  'or',
  'not',
  '10',
  '1%',
  'sh*',
  '"',
  '"x"',
  '&',
  '|',
  ' ',
  'é',
]

function anyText(random: () => number): string {
  const length = Math.floor(random() * 8)
  return Array.from({ length }, () => pick(random, PIECES) + pick(random, ['', ' '])).join('')
}

const scene = {
  nodes: [
    node('shop/payments@v2'),
    node('data/store'),
    node('shop/a b'),
    node('external', { kind: 'external' }),
  ],
  edges: [sour.edge, tcp.edge].flatMap((each) => each ?? []),
}
const vocabulary = vocabularyOf(scene)

describe('for texts by chance', () => {
  it('either parses or says what is wrong within the text', () => {
    for (const seed of SEEDS) {
      const text = anyText(chance(seed))
      const error = caught(text)
      if (!error) continue
      expect(error.from).toBeGreaterThanOrEqual(0)
      expect(error.to).toBeLessThanOrEqual(text.length)
      expect(error.from).toBeLessThanOrEqual(error.to)
    }
  })

  it('whatever is chosen keeps a text without faults before the cursor without them', () => {
    for (const seed of SEEDS) {
      const text = anyText(chance(seed))
      const { from, to, options } = complete(text, text.length, vocabulary)
      for (const option of options) {
        const chosen = text.slice(0, from) + option.text + text.slice(to)
        const ended = caught(chosen)
        const open = ended === null || ended.from >= chosen.length || ended.code === 'unclosed-paren'
        const faultBefore = caught(text.slice(0, from))
        const startedSound = faultBefore === null || faultBefore.from >= text.slice(0, from).trimEnd().length
        if (startedSound) expect(open, `${text} | ${chosen}`).toBe(true)
      }
    }
  })
})

describe('completion', () => {
  const offered = (text: string) =>
    complete(text, text.length, vocabulary).options.map((option) => option.text)

  it('offers fields, flags and names to begin with', () => {
    expect(offered('')).toContain('rate')
    expect(offered('mt')).toEqual(['mtls'])
    expect(offered('pay')).toEqual(['payments'])
  })
  it('offers operators after a field', () => {
    expect(offered('rate ')).toEqual(['>', '<', '>=', '<=', '=', '!='])
    expect(offered('ns ')).toEqual(['=', '!='])
  })
  it('offers values of the field', () => {
    expect(offered('ns = ')).toEqual(['data', 'shop'])
    expect(offered('ns = s')).toEqual(['shop'])
    expect(offered('health = fa')).toEqual(['failing'])
    expect(offered('name = a')).toContain('"a b"')
    expect(offered('error > ')).toEqual(['0.1%', '1%', '10%'])
  })
  it('offers connectives after a term, and the parenthesis that is open', () => {
    expect(offered('tcp ')).toEqual(['and', 'or'])
    expect(offered('(ns = shop ')).toEqual(['and', 'or', ')'])
  })
  it('replaces the word the cursor is at', () => {
    expect(complete('tcp and mt', 10, vocabulary)).toMatchObject({ from: 8, to: 10 })
    expect(complete('mt and tcp', 2, vocabulary)).toMatchObject({ from: 0, to: 2 })
  })
})

describe('patterns', () => {
  it('agree with a plain search of all ways to read them', () => {
    const naive = (pattern: string, text: string): boolean => {
      const [sign, ...rest] = pattern
      if (sign === undefined) return text === ''
      if (sign === '*') return naive(rest.join(''), text) || (text !== '' && naive(pattern, text.slice(1)))
      return text !== '' && (sign === '?' || sign === text[0]) && naive(rest.join(''), text.slice(1))
    }
    for (const seed of SEEDS) {
      const random = chance(seed)
      const word = (letters: string) =>
        Array.from({ length: Math.floor(random() * 7) }, () => pick(random, [...letters])).join('')
      const [pattern, text] = [word('ab*?'), word('ab')]
      expect(matchesGlob(pattern, text), `${pattern} ${text}`).toBe(naive(pattern, text))
    }
  })
})

it('reads amounts in the unit of the graph', () => {
  expect(parseAmount('1.5s', 'time')).toBe(1500)
  expect(parseAmount('60/min', 'rate')).toBe(1)
  expect(parseAmount('2KiB', 'bytes')).toBe(2048)
  expect(parseAmount('1%', 'share')).toBeCloseTo(0.01)
  expect(parseAmount('1.2.3', 'count')).toBeNull()
})
