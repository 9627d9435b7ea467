import { type PointerEvent, type RefObject, useEffect, useRef, useState } from 'react'

/** Reordering the children of a list by dragging a handle, with mouse, pen or finger. */
export function useReorder(list: RefObject<HTMLElement | null>, order: (from: number, to: number) => void) {
  const [dragged, setDragged] = useState<number | null>(null)
  const latest = useRef(order)
  const stop = useRef<() => void>(undefined)
  useEffect(() => {
    latest.current = order
  })
  useEffect(() => () => stop.current?.(), [])

  const start = (index: number) => (event: PointerEvent<HTMLElement>) => {
    if (event.button !== 0 || !list.current) return
    let at = index
    setDragged(at)
    const onMove = ({ clientY }: globalThis.PointerEvent) => {
      const to = placeAt(list.current, clientY, at)
      if (to === at) return
      latest.current(at, to)
      at = to
      setDragged(to)
    }
    const over = new AbortController()
    stop.current = () => {
      over.abort()
      setDragged(null)
    }
    const { signal } = over
    window.addEventListener('pointermove', onMove, { signal })
    window.addEventListener('pointerup', stop.current, { signal })
    window.addEventListener('pointercancel', stop.current, { signal })
  }
  return { dragged, start }
}

/** Where the row at `at` belongs when the pointer is at `y`: it passes a neighbour at that one's middle. */
export function placeAt(list: HTMLElement | null, y: number, at: number): number {
  const middles = [...(list?.children ?? [])].map((row) => {
    const { top, height } = row.getBoundingClientRect()
    return top + height / 2
  })
  let to = at
  while (to > 0 && y < (middles[to - 1] ?? 0)) to -= 1
  while (to < middles.length - 1 && y > (middles[to + 1] ?? 0)) to += 1
  return to
}
