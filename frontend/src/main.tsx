import '@mantine/core/styles.css'
import './app/tokens.css'
import './ui/ui.css'
import { createRoot } from 'react-dom/client'
import { live, pauseWhileHidden } from './api/live'
import { App } from './app/App'
import { preferredLocale, setLocale } from './text'

const RELOAD_KEY = 'meshui.reloaded'
const RELOAD_PAUSE_MS = 60_000

/** After a deploy an open tab asks for files that are gone; loading the page anew, once, gets the new ones. */
function reloadWhenOutdated(): void {
  window.addEventListener('vite:preloadError', (event) => {
    if (Date.now() - Number(sessionStorage.getItem(RELOAD_KEY)) < RELOAD_PAUSE_MS) return
    sessionStorage.setItem(RELOAD_KEY, String(Date.now()))
    event.preventDefault()
    window.location.reload()
  })
}

async function start(): Promise<void> {
  reloadWhenOutdated()
  await setLocale(preferredLocale())
  pauseWhileHidden(live)
  const root = document.getElementById('root')
  if (root) createRoot(root).render(<App />)
}

void start()
