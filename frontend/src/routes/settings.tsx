import { lazy, Suspense } from 'react'
import { SettingsView } from '@/features/settings/SettingsView'
import { BlockSkeleton } from '@/ui/States'

const LoggingSettings = lazy(() => import('@/features/logs/LoggingSettings'))
const TracingSettings = lazy(() => import('@/features/traces/TracingSettings'))

export function SettingsPage() {
  return (
    <SettingsView
      telemetry={
        <Suspense fallback={<BlockSkeleton height={240} />}>
          <TracingSettings />
          <LoggingSettings />
        </Suspense>
      }
    />
  )
}
