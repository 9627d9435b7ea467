/** The picture inside a node: its kind, and its health as a shape. Few distinct ones, so all stay cached. */
import type { Health } from '@/api/types'
import type { NodeView } from './model'
import type { Palette } from './renderer'

/** The picture is larger than the node, so that the mark can sit on its corner. */
export const IMAGE_SCALE = 1.5

const cache = new Map<string, string>()

const KIND_PATH: Record<NodeView['kind'], string> = {
  service: 'M24 29.5l6-3.4 6 3.4v6.9l-6 3.5-6-3.5zM24 29.5l6 3.5 6-3.5M30 33v6.9',
  gateway: 'M22 33h14M31 27l6 6-6 6M22 26v14',
  external: 'M30 25a8 8 0 1 0 .01 0M22 33h16M30 25c-5 5-5 11 0 16 5-5 5-11 0-16',
  unknown: 'M27 30a3.2 3.2 0 1 1 4.6 2.9c-1.2.6-1.6 1.2-1.6 2.5M30 39v.4',
}

export function nodeImage(kind: NodeView['kind'], health: Health, palette: Palette): string {
  const key = `${kind} ${health} ${palette.panel} ${palette.text}`
  const known = cache.get(key)
  if (known) return known
  const image = `data:image/svg+xml;utf8,${encodeURIComponent(picture(kind, health, palette))}`
  cache.set(key, image)
  return image
}

function picture(kind: NodeView['kind'], health: Health, palette: Palette): string {
  const ink = health === 'idle' || health === 'unknown' ? palette.unknown : palette.muted
  return `<svg xmlns="http://www.w3.org/2000/svg" width="132" height="132" viewBox="0 0 60 66">
<rect x="13.5" y="16.5" width="33" height="33" rx="7.5" fill="${palette.panel}"/>
<path d="${KIND_PATH[kind]}" fill="none" stroke="${ink}" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round"/>
${mark(health, palette)}</svg>`
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
