import './shell.css'
import { Outlet, useRouter } from '@tanstack/react-router'
import { lazy, Suspense, useEffect, useState } from 'react'
import { ApiError } from '@/api/problem'
import { useMe } from '@/api/session'
import { useChangesLive } from '@/api/useLive'
import { ErrorState } from '@/ui/States'
import { useText } from '@/ui/useText'
import { KeysHelp } from './KeysHelp'
import { Rail } from './Rail'
import { SnapshotBanner } from './SnapshotBanner'
import { TopBar } from './TopBar'
import { useShellKeys } from './useShellKeys'

const Palette = lazy(() => import('./Palette'))

/** The frame of every page for somebody signed in. */
export function Shell() {
  const t = useText()
  const me = useMe()
  if (me.error instanceof ApiError && me.error.status === 401) return <ToLogin />
  if (me.error) return <ErrorState source={t('source.session')} error={me.error} retry={() => me.refetch()} />
  if (!me.data) return null
  return <Frame />
}

/** Goes once, from where we are now: the address changes while the login page is still loading. */
function ToLogin() {
  const router = useRouter()
  useEffect(() => {
    const next = router.state.location.href
    router.navigate({ to: '/login', search: { next } as never, replace: true })
  }, [router])
  return null
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
      <SnapshotBanner />
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
