import { useNavigate } from '@tanstack/react-router'
import { useEffect, useRef } from 'react'
import { PAGES } from './pages'

const SEQUENCE_MS = 1200
/** Times count from the page's load: zero is just before its first second. */
const NEVER = Number.NEGATIVE_INFINITY
type Handlers = { onPalette: () => void; onHelp: () => void }

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  )
}

/** Ctrl+K, `?`, and `g` followed by a page's letter. */
export function useShellKeys({ onPalette, onHelp }: Handlers): void {
  const navigate = useNavigate()
  const goPressedAt = useRef(NEVER)
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
        event.preventDefault()
        onPalette()
        return
      }
      if (isTyping(event.target) || event.ctrlKey || event.metaKey || event.altKey) return
      const page = PAGES.find(({ key }) => key === event.key)
      if (page && event.timeStamp - goPressedAt.current < SEQUENCE_MS) navigate({ to: page.to })
      goPressedAt.current = event.key === 'g' ? event.timeStamp : NEVER
      if (event.key === '?') onHelp()
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [navigate, onPalette, onHelp])
}
