/** The vocabulary of the layout, and the grid it works on. */

export type Point = { x: number; y: number }
export type Positions = Record<string, Point>
/** `namespace` is empty for what stands outside of every box: gateways, and callers nobody knows. */
export type LayoutNode = { id: string; namespace: string }
export type LayoutEdge = { source: string; target: string }
export type Box = { left: number; right: number; top: number; bottom: number }

export const COLUMN = 208
export const ROW = 112
/** From the lowest node of a box to the highest of the box below it. */
export const STACK_GAP = 196

export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** The box a node belongs to; a node without a namespace is a box of its own. */
export function boxOf(node: LayoutNode): string {
  return node.namespace || node.id
}

/** What the nodes of each box span, by the centres of nodes. */
export function boundsOf(nodes: LayoutNode[], positions: Positions): Map<string, Box> {
  const bounds = new Map<string, Box>()
  for (const node of nodes) {
    const { x, y } = positions[node.id] as Point
    const box = bounds.get(boxOf(node))
    if (!box) bounds.set(boxOf(node), { left: x, right: x, top: y, bottom: y })
    else {
      box.left = Math.min(box.left, x)
      box.right = Math.max(box.right, x)
      box.top = Math.min(box.top, y)
      box.bottom = Math.max(box.bottom, y)
    }
  }
  return bounds
}
