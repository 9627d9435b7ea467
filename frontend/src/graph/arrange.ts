/**
 * Where the nodes of a scene stand: open ones where the arrangement has them, a collapsed namespace in the middle of
 * its members. In a large graph the room that collapsed namespaces leave is closed up, keeping every order. Pure.
 */
import { collapsedId, MOST_OPEN_NODES } from './collapse'
import { COLUMN, type Point, type Positions, ROW } from './layoutTypes'
import { boxOfNode, groupBy, type Scene } from './scene'

type Interval = { from: number; to: number }
type Area = { x: Interval; y: Interval }

/** The border of a box stands off its outermost nodes by this, its title and names of nodes included. */
const BOX_ROOM = { x: COLUMN / 2, y: ROW * 0.7 }
/** A wider strip in which nothing stands is narrowed to this. */
const AIR = { x: COLUMN * 0.5, y: ROW * 0.25 }

/** `open` is the scene before anything is collapsed. Nodes that the arrangement does not know are left out. */
export function arrange(scene: Scene, open: Scene, arrangement: Positions): Positions {
  const positions: Positions = {}
  for (const { id } of scene.nodes) if (arrangement[id]) positions[id] = arrangement[id]
  const members = groupBy(open.nodes, (node) => collapsedId(boxOfNode(node) ?? ''))
  for (const { id, kind } of scene.nodes) {
    const inside = kind === 'namespace' ? (members.get(id) ?? []) : []
    const points = inside.flatMap((node) => arrangement[node.id] ?? [])
    if (points.length > 0) positions[id] = middleOf(points)
  }
  return open.nodes.length > MOST_OPEN_NODES ? closedUp(scene, positions) : positions
}

/** The ids whose places change when a node of the scene is moved: a collapsed namespace takes its members along. */
export function movedTogether(id: string, open: Scene): string[] {
  const members = open.nodes.filter((node) => collapsedId(boxOfNode(node) ?? '') === id)
  return members.length > 0 ? members.map((node) => node.id) : [id]
}

function middleOf(points: Point[]): Point {
  const middle = (values: number[]) => (Math.min(...values) + Math.max(...values)) / 2
  return { x: middle(points.map(({ x }) => x)), y: middle(points.map(({ y }) => y)) }
}

function closedUp(scene: Scene, positions: Positions): Positions {
  const areas = areasOf(scene, positions)
  const x = narrowed(
    areas.map((area) => area.x),
    AIR.x,
  )
  const y = narrowed(
    areas.map((area) => area.y),
    AIR.y,
  )
  return Object.fromEntries(
    Object.entries(positions).map(([id, point]) => [id, { x: x(point.x), y: y(point.y) }]),
  )
}

/** What each open box takes, and each node outside of boxes. */
function areasOf(scene: Scene, positions: Positions): Area[] {
  const standing = scene.nodes.filter((node) => positions[node.id])
  return [...groupBy(standing, (node) => boxOfNode(node) ?? node.id).values()].map((inside) => {
    const points = inside.map((node) => positions[node.id] as Point)
    const span = (values: number[], room: number) => ({
      from: Math.min(...values) - room,
      to: Math.max(...values) + room,
    })
    return {
      x: span(
        points.map((point) => point.x),
        BOX_ROOM.x,
      ),
      y: span(
        points.map((point) => point.y),
        BOX_ROOM.y,
      ),
    }
  })
}

/** A map of one axis that keeps distances where something stands and shortens wide empty strips to `air`. */
export function narrowed(intervals: Interval[], air: number): (at: number) => number {
  const gaps: { from: number; saved: number }[] = []
  let end = Number.NEGATIVE_INFINITY
  let saved = 0
  for (const { from, to } of [...intervals].sort((a, b) => a.from - b.from)) {
    if (from - end > air && end > Number.NEGATIVE_INFINITY) {
      saved += from - end - air
      gaps.push({ from, saved })
    }
    end = Math.max(end, to)
  }
  return (at) => at - (gaps.findLast((gap) => gap.from <= at)?.saved ?? 0)
}
