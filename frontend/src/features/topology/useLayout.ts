import { useCallback, useEffect, useRef, useState } from 'react'
import type { Graph } from '@/api/types'
import type { Positions } from '@/graph/layout'
import type { LayoutAnswer, LayoutQuestion } from '@/graph/layoutWorker'

type Layout = { positions: Positions; move: (moved: Positions) => void; reset: () => void }

function read(key: string): Positions {
  try {
    return JSON.parse(localStorage.getItem(key) ?? '{}') as Positions
  } catch {
    return {}
  }
}

/**
 * Positions for every node of the graph, computed in a worker and kept per person.
 * What has a position keeps it: only nodes never seen before are placed.
 */
export function useLayout(graph: Graph | undefined, storageKey: string): Layout {
  const [positions, setPositions] = useState<Positions>(() => read(storageKey))
  const worker = useRef<Worker>(null)
  const asked = useRef(0)
  const current = useRef({ key: storageKey, positions })
  if (current.current.key !== storageKey) current.current = { key: storageKey, positions: read(storageKey) }

  const keep = useCallback((next: Positions) => {
    current.current.positions = next
    localStorage.setItem(current.current.key, JSON.stringify(next))
    setPositions(next)
  }, [])

  const ask = useCallback((question: Omit<LayoutQuestion, 'id'>) => {
    asked.current += 1
    worker.current?.postMessage({ id: asked.current, ...question } satisfies LayoutQuestion)
  }, [])

  useEffect(() => {
    const created = new Worker(new URL('../../graph/layoutWorker.ts', import.meta.url), { type: 'module' })
    created.onmessage = ({ data }: MessageEvent<LayoutAnswer>) => {
      if (data.id === asked.current) keep({ ...current.current.positions, ...data.positions })
    }
    worker.current = created
    return () => created.terminate()
  }, [keep])

  const missing = graph?.nodes.filter((node) => !current.current.positions[node.id]) ?? []
  const missingKey = `${storageKey} ${missing.map((node) => node.id).join(' ')}`
  // biome-ignore lint/correctness/useExhaustiveDependencies: only a node without a position is a reason to ask
  useEffect(() => {
    if (graph && missing.length > 0)
      ask({ nodes: plain(graph), edges: graph.edges, placed: current.current.positions })
  }, [missingKey])

  const move = useCallback((moved: Positions) => keep({ ...current.current.positions, ...moved }), [keep])
  const reset = useCallback(() => {
    current.current.positions = {}
    if (graph) ask({ nodes: plain(graph), edges: graph.edges, placed: {} })
  }, [graph, ask])
  return { positions: current.current.positions, move, reset }
}

function plain(graph: Graph): LayoutQuestion['nodes'] {
  return graph.nodes.map(({ id, namespace }) => ({ id, namespace: namespace ?? '' }))
}
