/**
 * From the text of a query to its tree. Pure.
 *
 *     or      = and { ("or" | "||") and }
 *     and     = not { ["and" | "&&"] not }          two terms side by side must both hold
 *     not     = ("not" | "!") not | "(" or ")" | term
 *     term    = field operator value | flag | name
 */
import { type Field, fieldNamed, parseAmount, type Unit } from './fields'
import { matchesGlob } from './glob'
import { type Operator, QueryError, type Token, type TokenKind, tokenize } from './lexer'

export type Query =
  | { kind: 'and' | 'or'; left: Query; right: Query }
  | { kind: 'not'; of: Query }
  | { kind: 'number'; field: string; operator: Operator; value: number }
  | { kind: 'text'; field: string; pattern: string; negated: boolean }
  | { kind: 'flag'; field: string }
  /** A bare word: part of a name, or all of it where it holds a `*` or `?`. */
  | { kind: 'name'; pattern: string }

/** The tree, or null for a text of blanks. Raises QueryError. */
export function parse(text: string): Query | null {
  const parser = new Parser(tokenize(text))
  return parser.whole()
}

class Parser {
  private at = 0

  constructor(private readonly tokens: Token[]) {}

  whole(): Query | null {
    if (this.next.kind === 'end') return null
    const query = this.or()
    if (this.next.kind === 'close') throw this.wrong('unopened-paren')
    return query
  }

  private get next(): Token {
    return this.tokens[this.at] as Token
  }

  private take(): Token {
    const token = this.next
    if (token.kind !== 'end') this.at += 1
    return token
  }

  private takes(kind: TokenKind): boolean {
    if (this.next.kind !== kind) return false
    this.take()
    return true
  }

  private wrong(code: QueryError['code'], detail = ''): QueryError {
    return new QueryError(code, this.next.from, this.next.to, detail)
  }

  private or(): Query {
    let left = this.and()
    while (this.takes('or')) left = { kind: 'or', left, right: this.and() }
    return left
  }

  private and(): Query {
    let left = this.not()
    while (this.takes('and') || beginsTerm(this.next)) left = { kind: 'and', left, right: this.not() }
    return left
  }

  private not(): Query {
    if (this.takes('not')) return { kind: 'not', of: this.not() }
    const open = this.next
    if (!this.takes('open')) return this.term()
    const inner = this.or()
    if (!this.takes('close')) throw new QueryError('unclosed-paren', open.from, open.to)
    return inner
  }

  private term(): Query {
    const word = this.next
    if (word.kind === 'quoted') return { kind: 'name', pattern: this.take().text }
    if (word.kind !== 'word') throw this.wrong('expected-term')
    this.take()
    const known = fieldNamed(word.text)
    if (this.next.kind === 'operator') {
      if (!known) throw new QueryError('unknown-field', word.from, word.to, word.text)
      return this.comparison(...known)
    }
    if (!known) return { kind: 'name', pattern: word.text }
    const [name, field] = known
    if (field.kind !== 'flag') throw this.wrong('expected-operator', name)
    return { kind: 'flag', field: name }
  }

  private comparison(name: string, field: Field): Query {
    if (field.kind === 'flag') throw this.wrong('flag-compared', name)
    const ordering = !['=', '!='].includes(this.next.text)
    if (ordering && field.kind !== 'number') throw this.wrong('not-ordered', name)
    const operator = this.take().text as Operator
    const value = this.next
    if (value.kind !== 'word' && value.kind !== 'quoted') throw this.wrong('expected-value', name)
    this.take()
    if (field.kind === 'number') {
      return { kind: 'number', field: name, operator, value: amount(value, field.unit) }
    }
    if (field.kind === 'choice') checkChoice(value, field.values)
    return { kind: 'text', field: name, pattern: value.text, negated: operator === '!=' }
  }
}

function beginsTerm({ kind }: Token): boolean {
  return kind === 'word' || kind === 'quoted' || kind === 'not' || kind === 'open'
}

function amount(token: Token, unit: Unit): number {
  const value = parseAmount(token.text, unit)
  if (value === null) throw new QueryError('not-a-number', token.from, token.to, unit)
  return value
}

function checkChoice(token: Token, values: readonly string[]): void {
  const known = values.some((value) => matchesGlob(token.text, value))
  if (!known) throw new QueryError('not-a-choice', token.from, token.to, values.join(', '))
}
