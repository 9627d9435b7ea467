/**
 * The picture of a node: a ring divided by response class, its kind, and its health as a shape on the corner.
 * Shares are rounded to steps, so that few distinct pictures exist and a picture changes only when it means something.
 */
import type { Health } from '@/api/types'
import type { NodeView, ResponseShares } from './model'
import type { Palette } from './renderer'

/** The picture is larger than the node, so that the mark can sit on its corner. */
export const IMAGE_SCALE = 1.5
const STEP = 5

const KIND_PATH: Record<NodeView['kind'], string> = {
  service: 'M24 29.5l6-3.4 6 3.4v6.9l-6 3.5-6-3.5zM24 29.5l6 3.5 6-3.5M30 33v6.9',
  gateway: 'M22 33h14M31 27l6 6-6 6M22 26v14',
  instance: 'M24 28h12v4.4H24zM24 33.6h12V38H24zM26.4 30.2h.1M26.4 35.8h.1',
  unknown: 'M27 30a3.2 3.2 0 1 1 4.6 2.9c-1.2.6-1.6 1.2-1.6 2.5M30 39v.4',
  external:
    'M22.5 33a7.5 7.5 0 1 0 15 0a7.5 7.5 0 1 0-15 0M22.5 33h15M30 25.5c-4.4 4.4-4.4 10.6 0 15c4.4-4.4 4.4-10.6 0-15',
  namespace: 'M23 27h5.6v5.6H23zM31.4 27H37v5.6h-5.6zM23 35.4h5.6V41H23zM31.4 35.4H37V41h-5.6z',
}

/** What stands outside the mesh is round, a namespace is a stack, an instance is small: shape tells as much as the icon. */
const SQUARE = 'rect x="10.5" y="13.5" width="39" height="39" rx="10"'
const FRAME: Record<NodeView['kind'], string> = {
  service: SQUARE,
  gateway: SQUARE,
  instance: 'rect x="14.5" y="17.5" width="31" height="31" rx="7"',
  unknown: 'circle cx="30" cy="33" r="19.5"',
  external: 'circle cx="30" cy="33" r="19.5"',
  namespace: SQUARE,
}

const cache = new Map<string, string>()

export function nodeImage(node: Pick<NodeView, 'kind' | 'health' | 'shares'>, palette: Palette): string {
  const { kind, health } = node
  const ring = ringParts(node.shares)
  const key = `${kind} ${health} ${ring} ${palette.panel}`
  const known = cache.get(key)
  if (known) return known
  const image = dataUri(
    `<svg xmlns="http://www.w3.org/2000/svg" width="132" height="132" viewBox="-3 0 66 66">${shapes(kind, health, ring, palette)}</svg>`,
  )
  cache.set(key, image)
  return image
}

/** The same picture as shapes of SVG, the centre of the node at 30, 33. */
export function nodeShapes(node: Pick<NodeView, 'kind' | 'health' | 'shares'>, palette: Palette): string {
  return shapes(node.kind, node.health, ringParts(node.shares), palette)
}

/** The mark of a box as shapes of SVG, 22 wide from 37, 4. */
export function boxShapes(health: Health, palette: Palette): string {
  return mark(health, palette)
}

/** The mark of a namespace's box; nothing while all is well. */
export function boxImage(health: Health, palette: Palette): string {
  const shape = mark(health, palette)
  const view = shape
    ? `<svg xmlns="http://www.w3.org/2000/svg" width="44" height="44" viewBox="37 4 22 22">${shape}</svg>`
    : ''
  return view ? dataUri(view) : 'none'
}

function dataUri(svg: string): string {
  return `data:image/svg+xml;utf8,${encodeURIComponent(svg)}`
}

/** Per cent of failed and refused requests, in steps; a single one stays visible. */
export function ringParts(shares: ResponseShares | null): [failed: number, client: number] | null {
  if (!shares) return null
  const stepped = (share: number) =>
    share > 0.0005 ? Math.max(STEP, Math.round((share * 100) / STEP) * STEP) : 0
  const failed = Math.min(100, stepped(shares.failed))
  return [failed, Math.min(100 - failed, shares.client > 0.01 ? stepped(shares.client) : 0)]
}

function shapes(
  kind: NodeView['kind'],
  health: Health,
  ring: [number, number] | null,
  palette: Palette,
): string {
  const ink = health === 'idle' || health === 'unknown' ? palette.unknown : palette.muted
  const frame = FRAME[kind]
  const stack =
    kind === 'namespace'
      ? `<rect x="16.5" y="7.5" width="27" height="20" rx="7" fill="${palette.panel}" stroke="${palette.lineStrong}" stroke-width="2.5"/>`
      : ''
  const arc = (from: number, length: number, color: string) =>
    length > 0
      ? `<${frame} fill="none" stroke-width="4.5" pathLength="100" stroke="${color}" stroke-dasharray="${length} 100" stroke-dashoffset="${-from}"/>`
      : ''
  const [failed, client] = ring ?? [0, 0]
  const arcs = ring
    ? arc(failed + client, 100 - failed - client, palette.healthy) +
      arc(failed, client, palette.degraded) +
      arc(0, failed, palette.failing)
    : `<${frame} fill="none" stroke-width="4.5" stroke="${palette.lineStrong}"/>`
  return `${stack}<${frame} fill="${palette.panel}"/>${arcs}<path d="${KIND_PATH[kind]}" fill="none" stroke="${ink}" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round"/>${mark(health, palette)}`
}

function mark(health: Health, palette: Palette): string {
  const edge = `stroke="${palette.background}" stroke-width="2.5" stroke-linejoin="round"`
  if (health === 'failing') {
    return `<path d="M44.6 6.5h7.2l5 5v7.2l-5 5h-7.2l-5-5v-7.2z" fill="${palette.failing}" ${edge}/>
<path d="M48.2 10.6v5.4M48.2 19v.2" stroke="#fff" stroke-width="2" stroke-linecap="round"/>`
  }
  if (health === 'degraded') {
    return `<path d="M48.2 6.5l9.2 16H39z" fill="${palette.degraded}" ${edge}/>
<path d="M48.2 12.6v4M48.2 19.4v.2" stroke="${palette.panel}" stroke-width="2" stroke-linecap="round"/>`
  }
  return ''
}
