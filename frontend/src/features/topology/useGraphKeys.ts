import { useEffect, useRef } from 'react'

export type GraphKeys = Map<string, () => void>

const SEQUENCE_MS = 1200

/** Keys of the page. Not while typing, nor as the second key of `g`, which leads to other pages. */
export function useGraphKeys(keys: GraphKeys): void {
  const latest = useRef(keys)
  latest.current = keys
  useEffect(() => {
    let goPressedAt = Number.NEGATIVE_INFINITY
    const onKey = (event: KeyboardEvent) => {
      const isSecond = event.timeStamp - goPressedAt < SEQUENCE_MS
      goPressedAt = event.key === 'g' ? event.timeStamp : Number.NEGATIVE_INFINITY
      if (isSecond || event.ctrlKey || event.metaKey || event.altKey || isTaken(event)) return
      const run = latest.current.get(event.key)
      if (!run) return
      event.preventDefault()
      run()
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [])
}

/** Whoever has the focus uses these keys itself: fields all of them, controls those that work them. */
function isTaken({ target, key }: KeyboardEvent): boolean {
  if (!(target instanceof HTMLElement)) return false
  if (target.closest('[role=dialog], [role=menu], [role=listbox]')) return true
  const works = /^(Enter| |Arrow|Page|Home|End)/.test(key)
  if (target instanceof HTMLInputElement && target.type === 'radio') return works
  if (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) return true
  return works && target.closest('button, a, [role=slider]') !== null
}
