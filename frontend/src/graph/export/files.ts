/** Files of the graph: their names, a picture from a drawing, and handing one to the browser. */
import type { Drawing } from './svg'

export type FileKind = 'png' | 'svg' | 'json' | 'dot'

const SCALE = 2
/** Browsers give up on larger canvases; a larger graph is drawn smaller. */
const MOST_PIXELS = 16_000
const MIME: Record<FileKind, string> = {
  png: 'image/png',
  svg: 'image/svg+xml',
  json: 'application/json',
  dot: 'text/vnd.graphviz',
}

/** Of what, over how long, and until when (UTC): `demo.mesh-60s-20261124T030405Z.svg`. */
export function fileName(mesh: string, windowS: number, asOf: string | null, kind: FileKind): string {
  const moment = (asOf ?? new Date().toISOString())
    .replace(/\.\d+/, '')
    .replace(/[-:]/g, '')
    .replace('+0000', 'Z')
  const safe = mesh.replace(/[^\w.-]+/g, '-')
  return `${safe}-${windowS}s-${moment}.${kind}`
}

/** The drawing at twice its size. Raises an Error where the browser cannot draw it. */
export async function toPng({ svg, width, height }: Drawing): Promise<Blob> {
  const scale = Math.min(SCALE, MOST_PIXELS / width, MOST_PIXELS / height)
  const image = new Image()
  image.src = `data:image/svg+xml;utf8,${encodeURIComponent(svg)}`
  await image.decode()
  const canvas = document.createElement('canvas')
  canvas.width = Math.round(width * scale)
  canvas.height = Math.round(height * scale)
  canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height)
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, MIME.png))
  if (!blob) throw new Error('canvas')
  return blob
}

export function asBlob(text: string, kind: FileKind): Blob {
  return new Blob([text], { type: `${MIME[kind]};charset=utf-8` })
}

export function download(blob: Blob, name: string): void {
  const address = URL.createObjectURL(blob)
  const link = document.createElement('a')
  link.href = address
  link.download = name
  link.click()
  // The browser has taken the address over by the next task.
  setTimeout(() => URL.revokeObjectURL(address))
}
