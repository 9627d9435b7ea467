/** Routes in words. */
import type { Route } from '@/api/types'

export function matchText({ path, methods, headers }: Route['match']): string {
  const parts = [
    methods.length ? methods.join('|') : '',
    path ? (path.kind === 'prefix' ? `${path.value}*` : path.value) : '*',
    ...headers.map(({ name, kind, value, invert }) => {
      const test = kind === 'present' ? name : `${name}${kind === 'exact' ? ' = ' : ' ^= '}${value}`
      return invert ? `!(${test})` : `(${test})`
    }),
  ]
  return parts.filter(Boolean).join(' ')
}

export function newRoute(name: string): Route {
  return {
    name,
    match: { path: { kind: 'prefix', value: '/' }, methods: [], headers: [] },
    weights: null,
    timeouts: { request_ms: 15000, idle_ms: 300000 },
  }
}

/** What the API reads into a route that leaves parts out. */
export function wholeRoute({ match, timeouts, ...route }: Partial<Route> & Pick<Route, 'name'>): Route {
  const { match: everything, timeouts: usual } = newRoute(route.name)
  return {
    weights: null,
    ...route,
    match: match ?? { ...everything, path: null },
    timeouts: timeouts ?? usual,
  }
}

export function moved<T>(items: T[], from: number, to: number): T[] {
  const next = [...items]
  const [item] = next.splice(from, 1)
  if (item !== undefined) next.splice(to, 0, item)
  return next
}
