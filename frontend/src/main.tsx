import '@mantine/core/styles.css'
import './app/tokens.css'
import './ui/ui.css'
import { createRoot } from 'react-dom/client'
import { live, pauseWhileHidden } from './api/live'
import { App } from './app/App'
import { preferredLocale, setLocale } from './text'

async function start(): Promise<void> {
  await setLocale(preferredLocale())
  pauseWhileHidden(live)
  const root = document.getElementById('root')
  if (root) createRoot(root).render(<App />)
}

void start()
