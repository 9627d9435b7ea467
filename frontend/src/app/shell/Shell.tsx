import './shell.css'
import { Navigate, Outlet, useRouterState } from '@tanstack/react-router'
import { lazy, Suspense, useState } from 'react'
import { ApiError } from '@/api/problem'
import { useMe } from '@/api/session'
import { useChangesLive } from '@/api/useLive'
import { ErrorState } from '@/ui/States'
import { useText } from '@/ui/useText'
import { KeysHelp } from './KeysHelp'
import { Rail } from './Rail'
import { TopBar } from './TopBar'
import { useShellKeys } from './useShellKeys'

const Palette = lazy(() => import('./Palette'))

/** The frame of every page for somebody signed in. */
export function Shell() {
  const t = useText()
  const me = useMe()
  const here = useRouterState({ select: (state) => state.location.href })
  if (me.error instanceof ApiError && me.error.status === 401) {
    return <Navigate to="/login" search={{ next: here } as never} replace />
  }
  if (me.error) return <ErrorState source={t('source.session')} error={me.error} retry={() => me.refetch()} />
  if (!me.data) return null
  return <Frame />
}

function Frame() {
  const t = useText()
  const [paletteRequests, setPaletteRequests] = useState(0)
  const [helpOpen, setHelpOpen] = useState(false)
  const openPalette = () => setPaletteRequests((count) => count + 1)
  useShellKeys({ onPalette: openPalette, onHelp: () => setHelpOpen(true) })
  useChangesLive()
  return (
    <div className="shell">
      <a className="skip-link" href="#content">
        {t('shell.skip')}
      </a>
      <Rail />
      <TopBar onSearch={openPalette} onHelp={() => setHelpOpen(true)} />
      <main id="content" className="shell-content" tabIndex={-1}>
        <Outlet />
      </main>
      {paletteRequests > 0 && (
        <Suspense>
          <Palette requests={paletteRequests} />
        </Suspense>
      )}
      <KeysHelp opened={helpOpen} onClose={() => setHelpOpen(false)} />
    </div>
  )
}
