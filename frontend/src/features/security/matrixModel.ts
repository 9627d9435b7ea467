/** The matrix as it is shown: which rows and columns, and what every pair of them holds. */
import type { Matrix, MatrixCell, Outlook } from '@/api/types'

export type MatrixFilter = { search: string; show: 'all' | 'used' | 'flagged' }
export type Pair = MatrixCell & {
  /** Nothing was said of the pair and nothing was seen: it is as its destination says. */
  implied: boolean
}
export type MatrixModel = {
  sources: string[]
  destinations: string[]
  /** The same object for the same pair each time, so that a cell is drawn anew only when it changed. */
  pair: (source: string, destination: string) => Pair
  /** The pairs of which something is said or was seen, those that disagree first, then by requests. */
  told: Pair[]
  /** The most requests of a pair. */
  most: number
}

const keyOf = (source: string, destination: string) => `${source} ${destination}`

export function matrixModel(matrix: Matrix, { search, show }: MatrixFilter): MatrixModel {
  const wanted = search.toLowerCase()
  const cells = matrix.cells.filter((cell) => isShown(cell, show))
  const pairs = new Map(
    cells.map((cell): [string, Pair] => [keyOf(cell.source, cell.destination), { ...cell, implied: false }]),
  )
  const defaults = new Map<string, Outlook>(
    matrix.destinations.map(({ service, policy }) => [service, policy]),
  )
  const named = (name: string) => name.includes(wanted)
  const matching = cells.filter(({ source, destination }) => named(source) || named(destination))
  const touched = new Set(matching.flatMap(({ source, destination }) => [`>${source}`, `<${destination}`]))
  const isKept = (name: string, mark: '>' | '<') =>
    show === 'all' && !wanted ? true : touched.has(mark + name) || (show === 'all' && named(name))
  const told = matching
    .map((cell) => ({ ...cell, implied: false }))
    .sort((a, b) => Number(b.disagrees) - Number(a.disagrees) || b.requests - a.requests)
  return {
    sources: matrix.sources.filter((name) => isKept(name, '>')),
    destinations: matrix.destinations.map(({ service }) => service).filter((name) => isKept(name, '<')),
    pair(source, destination) {
      const known = pairs.get(keyOf(source, destination))
      if (known) return known
      const policy = defaults.get(destination) ?? 'allowed'
      const pair: Pair = {
        source,
        destination,
        policy,
        by: [],
        requests: 0,
        denied: 0,
        disagrees: false,
        why: '',
        implied: true,
      }
      pairs.set(keyOf(source, destination), pair)
      return pair
    },
    told,
    most: Math.max(1, ...cells.map(({ requests }) => requests)),
  }
}

function isShown({ requests, disagrees }: MatrixCell, show: MatrixFilter['show']): boolean {
  if (show === 'flagged') return disagrees
  return show === 'all' || requests > 0
}

/** The height of a traffic bar between 0 and 1, by the order of magnitude. */
export function trafficHeight(requests: number, most: number): number {
  return requests > 0 ? Math.max(0.2, Math.log1p(requests) / Math.log1p(most)) : 0
}

/** The first and last of `count` things of one size that are in sight, with some around. */
export function inSight(offset: number, room: number, size: number, count: number): [number, number] {
  const AROUND = 4
  const first = Math.max(0, Math.floor(offset / size) - AROUND)
  const last = Math.min(count - 1, Math.ceil((offset + room) / size) + AROUND)
  return [first, last]
}
