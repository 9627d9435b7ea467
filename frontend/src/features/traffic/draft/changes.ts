/** What a draft changes, one sentence each, as a reviewer wants to read it. */
import type { RateLimit, Route, Weights } from '@/api/types'
import type { TextKey, Translate } from '@/text'
import { writeDuration } from './duration'
import type { Part, Rules } from './rules'
import { RESILIENCE } from './rules'
import { type Shape, same } from './shape'
import * as words from './words'

export type Change = { part: Part; kind: 'added' | 'removed' | 'changed'; text: string }

/** The sentences for every part that `after` has and `before` has otherwise. */
export function ruleChanges(before: Rules, after: Partial<Rules>, t: Translate): Change[] {
  return [
    ...(after.split ? splitChanges(before.split, after.split) : []),
    ...(after.routes ? routeChanges(before.routes, after.routes, t) : []),
    ...(after.resilience ? resilienceChanges(before.resilience, after.resilience, t) : []),
    ...(after.limits ? limitChanges(before.limits, after.limits, t) : []),
  ]
}

function splitChanges(before: Weights, after: Weights): Change[] {
  const versions = Object.keys({ ...before, ...after })
  return versions
    .filter((version) => (before[version] ?? 0) !== (after[version] ?? 0))
    .map((version) => ({
      part: 'split',
      kind: 'changed',
      text: `${version}: ${before[version] ?? 0} % → ${after[version] ?? 0} %`,
    }))
}

function routeChanges(before: Route[], after: Route[], t: Translate): Change[] {
  const part = 'routes' as const
  const old = new Map(before.map((route) => [route.name, route]))
  const names = new Set(after.map(({ name }) => name))
  const removed = before.filter(({ name }) => !names.has(name))
  const moved = new Set(movedNames(before, after))
  return [
    ...after.flatMap((route, index): Change[] => {
      const previous = old.get(route.name)
      const { name } = route
      if (!previous) {
        const sentence = words.routeWords(route, t)
        return [{ part, kind: 'added', text: t('change.route.added', { name, place: index + 1, sentence }) }]
      }
      const place: Change[] = moved.has(name)
        ? [
            {
              part,
              kind: 'changed',
              text: t('change.route.moved', { name, from: before.indexOf(previous) + 1, to: index + 1 }),
            },
          ]
        : []
      return [...place, ...aspectChanges(previous, route, t)]
    }),
    ...removed.map((route): Change => {
      const sentence = words.routeWords(route, t)
      return { part, kind: 'removed', text: t('change.route.removed', { name: route.name, sentence }) }
    }),
  ]
}

/** The names that have to move so that the rest keeps its order: all but a longest common subsequence. */
function movedNames(before: Route[], after: Route[]): string[] {
  const place = new Map(before.map(({ name }, index) => [name, index]))
  const common = after.map(({ name }) => name).filter((name) => place.has(name))
  const best: string[][] = []
  for (const name of common) {
    const earlier = best.filter((run) => (place.get(run.at(-1) ?? '') ?? -1) < (place.get(name) ?? 0))
    const longest = earlier.reduce<string[]>((a, b) => (b.length > a.length ? b : a), [])
    best.push([...longest, name])
  }
  const kept = new Set(best.reduce<string[]>((a, b) => (b.length > a.length ? b : a), []))
  return common.filter((name) => !kept.has(name))
}

type Aspect = [label: TextKey, words: (route: Route, t: Translate) => string, of: (route: Route) => unknown]

const orNothing = <V>(value: V | null, say: (value: V) => string) => (value === null ? '' : say(value))
const ASPECTS: Aspect[] = [
  ['section.match', (route, t) => words.matchWords(route.match, t), (route) => route.match],
  ['section.action', words.outcomeWords, ({ weights, redirect, direct }) => [weights, redirect, direct]],
  ['section.timeouts', (route, t) => words.timeoutWords(route.timeouts, t), (route) => route.timeouts],
  ['section.retry', (route, t) => words.retryWords(route.retry, t), (route) => route.retry],
  [
    'section.rewrite',
    (route, t) => orNothing(route.rewrite, (value) => words.rewriteWords(value, t)),
    (route) => route.rewrite,
  ],
  [
    'section.requestHeaders',
    (route) => orNothing(route.request_headers, words.opsWords),
    (route) => route.request_headers,
  ],
  [
    'section.responseHeaders',
    (route) => orNothing(route.response_headers, words.opsWords),
    (route) => route.response_headers,
  ],
  ['section.backends', (route) => words.backendWords(route.backends), (route) => route.backends],
  [
    'section.mirror',
    (route, t) => orNothing(route.mirror, (value) => words.mirrorWords(value, t)),
    (route) => route.mirror,
  ],
  [
    'section.fault',
    (route, t) => orNothing(route.fault, (value) => words.faultWords(value, t)),
    (route) => route.fault,
  ],
  [
    'section.sticky',
    (route, t) => orNothing(route.sticky, (value) => words.stickyWords(value, t)),
    (route) => route.sticky,
  ],
  [
    'section.limits',
    (route, t) => route.limits.map((limit) => words.limitWords(limit, t)).join('; '),
    (route) => route.limits,
  ],
]

function aspectChanges(before: Route, after: Route, t: Translate): Change[] {
  return ASPECTS.filter(([, , of]) => !same(of(before), of(after))).map(([label, say]) => {
    const [was, is] = [say(before, t), say(after, t)]
    const what = { name: after.name, what: t(label).toLowerCase() }
    const text =
      was === is ? t('change.route.detail', what) : fromTo(t('change.route.what', what), was, is, t)
    return { part: 'routes', kind: 'changed', text }
  })
}

function fromTo(what: string, was: string, is: string, t: Translate): string {
  return `${what}: ${was || t('words.nothing')} → ${is || t('words.nothing')}`
}

function limitChanges(before: RateLimit[], after: RateLimit[], t: Translate): Change[] {
  const part = 'limits' as const
  const old = new Map(before.map((limit) => [limit.name, limit]))
  const names = new Set(after.map(({ name }) => name))
  return [
    ...after.flatMap((limit): Change[] => {
      const previous = old.get(limit.name)
      const { name } = limit
      const is = words.limitWords(limit, t)
      if (!previous) return [{ part, kind: 'added', text: t('change.limit.added', { name, limit: is }) }]
      if (same(previous, limit)) return []
      const was = words.limitWords(previous, t)
      const what = t('change.limit.what', { name })
      const text = was === is ? t('change.limit.detail', { name }) : fromTo(what, was, is, t)
      return [{ part, kind: 'changed', text }]
    }),
    ...before
      .filter(({ name }) => !names.has(name))
      .map(({ name }): Change => ({ part, kind: 'removed', text: t('change.limit.removed', { name }) })),
  ]
}

/** One sentence for each setting that is another; a group that is turned on or off is one. */
function resilienceChanges(before: object, after: object, t: Translate): Change[] {
  return leafChanges(RESILIENCE, before, after, '').map(({ path, was, is }) => ({
    part: 'resilience',
    kind: 'changed',
    text: fromTo(settingName(path, t), settingWords(path, was, t), settingWords(path, is, t), t),
  }))
}

type Leaf = { path: string; was: unknown; is: unknown }

function leafChanges(shape: Shape, was: unknown, is: unknown, path: string): Leaf[] {
  if (same(was, is)) return []
  const inner = shape.kind === 'maybe' && was !== null && is !== null ? shape.of : shape
  if (inner.kind !== 'record') return [{ path, was, is }]
  const [from, to] = [was as Record<string, unknown>, is as Record<string, unknown>]
  return Object.entries(inner.fields).flatMap(([name, field]) =>
    leafChanges(field, from[name], to[name], path ? `${path}.${name}` : name),
  )
}

/** "Outlier detection, 5xx in a row". */
function settingName(path: string, t: Translate): string {
  const [group = ''] = path.split('.')
  const names = group === path ? [path] : [group, path]
  return names.map((name) => t(`resilience.${name}` as TextKey)).join(', ')
}

/** All settings of a group in a line, as it says when it is folded. */
export function groupWords(name: string, value: unknown, t: Translate): string {
  if (typeof value !== 'object' || value === null) return settingWords(name, value, t)
  return Object.entries(value)
    .filter(([field]) => field !== 'hash')
    .map(([field, each]) =>
      field === 'policy'
        ? settingWords(`${name}.${field}`, each, t)
        : `${t(`resilience.${name}.${field}` as TextKey)} ${settingWords(`${name}.${field}`, each, t)}`,
    )
    .join(' · ')
}

export function settingWords(path: string, value: unknown, t: Translate): string {
  if (path.endsWith('policy')) return t(`policy.${value}` as TextKey)
  if (value === null) return t('words.off')
  if (typeof value === 'object') return t('words.on')
  if (path.endsWith('_ms')) return writeDuration(value as number)
  if (path.endsWith('percent')) return `${value} %`
  return String(value)
}
