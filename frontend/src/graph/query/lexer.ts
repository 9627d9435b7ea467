/** The tokens of the find and hide language, each with its place in the text. Pure. */

export type Operator = '=' | '!=' | '>' | '>=' | '<' | '<='
export type TokenKind = 'word' | 'quoted' | 'operator' | 'and' | 'or' | 'not' | 'open' | 'close' | 'end'
/** `text` is what it means (a quoted word without its quotes); `[from, to)` where it stands. */
export type Token = { kind: TokenKind; text: string; from: number; to: number }

export type QueryErrorCode =
  | 'unclosed-quote'
  | 'unclosed-paren'
  | 'unopened-paren'
  | 'expected-term'
  | 'expected-value'
  | 'expected-operator'
  | 'unknown-field'
  | 'not-ordered'
  | 'not-a-number'
  | 'not-a-choice'
  | 'flag-compared'

/** What is wrong, and where: `[from, to)` of the text. `detail` names the field or lists what could stand there. */
export class QueryError extends Error {
  constructor(
    readonly code: QueryErrorCode,
    readonly from: number,
    readonly to: number,
    readonly detail = '',
  ) {
    super(`${code} at ${from}`)
  }
}

const SIGNS: [sign: string, kind: TokenKind, text: string][] = [
  ['&&', 'and', 'and'],
  ['||', 'or', 'or'],
  ['>=', 'operator', '>='],
  ['<=', 'operator', '<='],
  ['!=', 'operator', '!='],
  ['==', 'operator', '='],
  ['=', 'operator', '='],
  ['>', 'operator', '>'],
  ['<', 'operator', '<'],
  ['!', 'not', 'not'],
  ['(', 'open', '('],
  [')', 'close', ')'],
]
const CONNECTIVES: Record<string, TokenKind> = { and: 'and', or: 'or', not: 'not' }
const QUOTE = '"'
const ENDS_A_WORD = /[\s()!=<>"&|]/

/** Raises QueryError on a quote that is not closed; every other text has tokens. The last one is the end. */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = []
  let at = 0
  while (at < text.length) {
    const token = /\s/.test(text.charAt(at)) ? null : readToken(text, at)
    if (token) tokens.push(token)
    at = token?.to ?? at + 1
  }
  return [...tokens, { kind: 'end', text: '', from: text.length, to: text.length }]
}

function readToken(text: string, from: number): Token {
  const sign = SIGNS.find(([each]) => text.startsWith(each, from))
  if (sign) return { kind: sign[1], text: sign[2], from, to: from + sign[0].length }
  return text.charAt(from) === QUOTE ? readQuoted(text, from) : readWord(text, from)
}

function readQuoted(text: string, from: number): Token {
  const end = text.indexOf(QUOTE, from + 1)
  if (end < 0) throw new QueryError('unclosed-quote', from, text.length)
  return { kind: 'quoted', text: text.slice(from + 1, end), from, to: end + 1 }
}

function readWord(text: string, from: number): Token {
  let to = from + 1
  while (to < text.length && !ENDS_A_WORD.test(text.charAt(to))) to += 1
  const word = text.slice(from, to)
  return { kind: CONNECTIVES[word.toLowerCase()] ?? 'word', text: word, from, to }
}
