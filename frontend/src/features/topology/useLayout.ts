import { useCallback, useEffect, useRef, useState } from 'react'
import type { Positions } from '@/graph/layout'
import type { LayoutAnswer, LayoutQuestion } from '@/graph/layoutWorker'
import { boxOfNode, type Scene } from '@/graph/scene'
import { decodeLayout } from '@/graph/sharedLayout'

type Layout = {
  positions: Positions
  /** They come from the link, and nobody has moved a node since. */
  shared: boolean
  move: (moved: Positions) => void
  reset: () => void
}

/** `edges` is how many the graph had when it was arranged; `pinned` that somebody has moved a node since. */
type Kept = { positions: Positions; edges: number; pinned: boolean }
const NOTHING: Kept = { positions: {}, edges: 0, pinned: false }

function read(key: string): Kept {
  try {
    return { ...NOTHING, ...(JSON.parse(localStorage.getItem(key) ?? '{}') as Partial<Kept>) }
  } catch {
    return NOTHING
  }
}

/** An arrangement made before most of the traffic was known, and that nobody touched, is worth making anew. */
export function isPremature({ edges, pinned }: Kept, now: number): boolean {
  return !pinned && now > 0 && now >= 2 * edges
}

/**
 * Positions for every node of the graph, computed in a worker and kept per person.
 * What has a position keeps it: only nodes never seen before are placed. Those of a link stand above one's own until
 * a node is moved, which makes them one's own (`onAdopt`).
 */
export function useLayout(graph: Scene, storageKey: string, code: string, onAdopt: () => void): Layout {
  const [, redraw] = useState<Kept>(NOTHING)
  const worker = useRef<Worker>(null)
  const asked = useRef(0)
  const current = useRef({ key: '', kept: NOTHING })
  if (current.current.key !== storageKey) current.current = { key: storageKey, kept: read(storageKey) }
  const shared = useShared(code)

  const keep = useCallback((change: Partial<Kept>) => {
    const kept = { ...current.current.kept, ...change }
    current.current.kept = kept
    localStorage.setItem(current.current.key, JSON.stringify(kept))
    redraw(kept)
  }, [])

  const ask = useCallback((question: Omit<LayoutQuestion, 'id'>) => {
    asked.current += 1
    worker.current?.postMessage({ id: asked.current, ...question } satisfies LayoutQuestion)
  }, [])

  useEffect(() => {
    const created = new Worker(new URL('../../graph/layoutWorker.ts', import.meta.url), { type: 'module' })
    created.onmessage = ({ data }: MessageEvent<LayoutAnswer>) => {
      if (data.id === asked.current)
        keep({ positions: { ...current.current.kept.positions, ...data.positions } })
    }
    worker.current = created
    return () => created.terminate()
  }, [keep])

  const arrange = useCallback(() => {
    current.current.kept = { positions: {}, edges: graph.edges.length, pinned: false }
    ask({ nodes: plain(graph), edges: ends(graph), placed: {} })
  }, [graph, ask])

  const { kept } = current.current
  const missing = graph.nodes.filter((node) => !kept.positions[node.id])
  const premature = isPremature(kept, graph.edges.length)
  const reason = `${storageKey} ${premature} ${missing.map((node) => node.id).join(' ')}`
  // biome-ignore lint/correctness/useExhaustiveDependencies: only `reason` is a reason to ask
  useEffect(() => {
    if (premature) arrange()
    else if (missing.length > 0) ask({ nodes: plain(graph), edges: ends(graph), placed: kept.positions })
  }, [reason])

  const adopt = useRef(onAdopt)
  adopt.current = onAdopt
  const move = useCallback(
    (moved: Positions) => {
      keep({ positions: { ...current.current.kept.positions, ...shared, ...moved }, pinned: true })
      if (shared) adopt.current()
    },
    [keep, shared],
  )
  const reset = useCallback(() => {
    if (shared) adopt.current()
    arrange()
  }, [arrange, shared])
  const positions = shared ? { ...kept.positions, ...shared } : kept.positions
  return { positions, shared: shared !== null, move, reset }
}

/** The arrangement of a link, once it is unpacked; null without one, or where it is none. */
function useShared(code: string): Positions | null {
  const [unpacked, setUnpacked] = useState<{ code: string; positions: Positions | null } | null>(null)
  useEffect(() => {
    let isWanted = true
    if (code) decodeLayout(code).then((positions) => isWanted && setUnpacked({ code, positions }))
    return () => {
      isWanted = false
    }
  }, [code])
  return code && unpacked?.code === code ? unpacked.positions : null
}

function plain(graph: Scene): LayoutQuestion['nodes'] {
  return graph.nodes.map((node) => ({ id: node.id, namespace: boxOfNode(node) ?? '' }))
}

function ends(graph: Scene): LayoutQuestion['edges'] {
  return graph.edges.map(({ source, target }) => ({ source, target }))
}
