/** Which node lies next in a direction, for walking the graph by arrow keys. Pure. */
import type { Point, Positions } from '@/graph/layout'

const DIRECTIONS: Record<string, Point> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
}
/** A step aside counts this many times a step ahead. */
const ASIDE = 2.5

/** From nowhere, or from what does not stand, it is the leftmost node; null where nothing lies that way. */
export function neighbourOf(from: string, key: string, ids: string[], positions: Positions): string | null {
  const way = DIRECTIONS[key]
  const standing = ids.filter((id) => positions[id])
  const start = positions[from]
  if (!way || standing.length === 0) return null
  if (!start || !standing.includes(from)) {
    return standing.reduce((a, b) => ((positions[b]?.x ?? 0) < (positions[a]?.x ?? 0) ? b : a))
  }
  let best: { id: string; price: number } | null = null
  for (const id of standing) {
    const { x, y } = positions[id] as Point
    const [dx, dy] = [x - start.x, y - start.y]
    const ahead = dx * way.x + dy * way.y
    const aside = Math.abs(dx * way.y) + Math.abs(dy * way.x)
    const price = ahead + ASIDE * aside
    if (id !== from && ahead > 1 && (!best || price < best.price)) best = { id, price }
  }
  return best?.id ?? null
}
