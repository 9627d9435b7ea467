/**
 * Whether a node or an edge is what a query asks for. Pure.
 *
 * Three answers, as in SQL: a question that makes no sense for the subject (the latency of what was never called, mTLS
 * of a node) is neither true nor false, nor is its negation, so that `!mtls` finds edges and not every node.
 */
import { serviceOf } from '@/graph/scene'
import { FIELDS, type NumberField, type Subject } from './fields'
import { hasWildcard, matchesGlob } from './glob'
import type { Operator } from './lexer'
import type { Query } from './parser'

type Answer = boolean | null

export function matches(query: Query, subject: Subject): boolean {
  return answer(query, subject) === true
}

function answer(query: Query, subject: Subject): Answer {
  switch (query.kind) {
    case 'and':
      return both(answer(query.left, subject), () => answer(query.right, subject))
    case 'or':
      return negated(both(negated(answer(query.left, subject)), () => negated(answer(query.right, subject))))
    case 'not':
      return negated(answer(query.of, subject))
    case 'number':
      return compared((FIELDS[query.field] as NumberField).of(subject), query.operator, query.value)
    case 'flag':
      return flagOf(query.field, subject)
    case 'text': {
      const found = anyMatches(namesOf(query.field, subject), query.pattern)
      return query.negated ? negated(found) : found
    }
    case 'name':
      return named(query.pattern, subject)
  }
}

function both(left: Answer, right: () => Answer): Answer {
  if (left === false) return false
  const other = right()
  return other === false ? false : left === null ? null : other
}

function negated(value: Answer): Answer {
  return value === null ? null : !value
}

function compared(value: number | null, operator: Operator, wanted: number): Answer {
  if (value === null) return null
  switch (operator) {
    case '=':
      return value === wanted
    case '!=':
      return value !== wanted
    case '>':
      return value > wanted
    case '>=':
      return value >= wanted
    case '<':
      return value < wanted
    case '<=':
      return value <= wanted
  }
}

function flagOf(name: string, subject: Subject): Answer {
  const field = FIELDS[name]
  return field?.kind === 'flag' ? field.of(subject) : null
}

function namesOf(name: string, subject: Subject): string[] {
  const field = FIELDS[name]
  return field?.kind === 'text' || field?.kind === 'choice' ? field.of(subject) : []
}

function anyMatches(names: string[], pattern: string): Answer {
  return names.length === 0 ? null : names.some((name) => matchesGlob(pattern, name))
}

/** A bare word is a part of a node's id; with wildcards it is the whole of its name, service or id. Of edges, of an end. */
function named(pattern: string, subject: Subject): boolean {
  const nodes = subject.node ? [subject.node] : subject.ends
  if (hasWildcard(pattern)) {
    return nodes.some((node) =>
      [node.name, serviceOf(node), node.id].some((name) => matchesGlob(pattern, name)),
    )
  }
  const wanted = pattern.toLowerCase()
  return nodes.some((node) => node.id.toLowerCase().includes(wanted))
}
