/** An arrangement as a short text for an address: rounded, packed, and read back with suspicion. */
import type { Positions } from './layoutTypes'

/** Addresses beyond this are cut by some mail programs and proxies. */
export const MOST_LETTERS = 6000
const GRID = 4

export async function encodeLayout(positions: Positions): Promise<string> {
  const rows = Object.entries(positions)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([id, { x, y }]) => `${id} ${Math.round(x / GRID)} ${Math.round(y / GRID)}`)
  const packed = await piped(new TextEncoder().encode(rows.join('\n')), new CompressionStream('deflate-raw'))
  const letters = btoa(String.fromCharCode(...packed))
  return letters.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

/** Null for a text that no arrangement was packed to. */
export async function decodeLayout(code: string): Promise<Positions | null> {
  try {
    const letters = atob(code.replaceAll('-', '+').replaceAll('_', '/'))
    const packed = Uint8Array.from(letters, (letter) => letter.charCodeAt(0))
    const text = new TextDecoder().decode(await piped(packed, new DecompressionStream('deflate-raw')))
    const positions: Positions = {}
    for (const row of text.split('\n')) {
      const [id, x, y] = row.split(' ')
      if (!id || !Number.isFinite(Number(x)) || !Number.isFinite(Number(y))) return null
      positions[id] = { x: Number(x) * GRID, y: Number(y) * GRID }
    }
    return positions
  } catch {
    return null
  }
}

async function piped(bytes: Uint8Array<ArrayBuffer>, through: GenericTransformStream): Promise<Uint8Array> {
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: (controller) => {
      controller.enqueue(bytes)
      controller.close()
    },
  })
  return new Uint8Array(await new Response(stream.pipeThrough(through)).arrayBuffer())
}
