/** Routes in words. */
import type { HeaderMatch, Route } from '@/api/types'

const COMPARED = { exact: '=', prefix: '^=', regex: '~' }

export function matchText({ path, methods, headers, query, cookies, sources }: Route['match']): string {
  const parts = [
    methods.length ? methods.join('|') : '',
    path ? pathText(path) : '*',
    ...headers.map((condition) => fieldText(condition, '')),
    ...query.map((condition) => fieldText(condition, '?')),
    ...cookies.map((condition) => fieldText(condition, 'cookie ')),
    sources.length ? `from ${sources.join('|')}` : '',
  ]
  return parts.filter(Boolean).join(' ')
}

function pathText({ kind, value }: NonNullable<Route['match']['path']>): string {
  if (kind === 'prefix') return `${value}*`
  return kind === 'regex' ? `~ ${value}` : value
}

function fieldText({ name, kind, value, invert }: HeaderMatch, where: string): string {
  const test = where + (kind === 'present' ? name : `${name} ${COMPARED[kind]} ${value}`)
  return invert ? `!(${test})` : `(${test})`
}

export function newRoute(name: string): Route {
  return {
    name,
    match: {
      path: { kind: 'prefix', value: '/' },
      methods: [],
      headers: [],
      query: [],
      cookies: [],
      sources: [],
    },
    weights: null,
    timeouts: { request_ms: 15000, idle_ms: 300000 },
    retry: {
      attempts: 1,
      on: ['connect-failure', 'reset-before-request', 'refused'],
      codes: [],
      per_try_timeout_ms: 0,
      unsafe: false,
      backoff_ms: 25,
      backoff_max_ms: 250,
    },
    redirect: null,
    direct: null,
    rewrite: null,
    request_headers: null,
    response_headers: null,
    backends: {},
    mirror: null,
    fault: null,
    sticky: null,
    limits: [],
  }
}

/** What the API reads into a route that leaves parts out. */
export function wholeRoute(route: Partial<Route> & Pick<Route, 'name'>): Route {
  const usual = newRoute(route.name)
  return { ...usual, match: { ...usual.match, path: null }, ...route }
}

export function moved<T>(items: T[], from: number, to: number): T[] {
  const next = [...items]
  const [item] = next.splice(from, 1)
  if (item !== undefined) next.splice(to, 0, item)
  return next
}
