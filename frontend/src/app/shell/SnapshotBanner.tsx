import { useInfoLive } from '@/api/useLive'
import { formatAbsolute } from '@/ui/format'
import { useText } from '@/ui/useText'

/** That nothing here is live, where the server shows a snapshot; it refuses every change by itself. */
export function SnapshotBanner() {
  const t = useText()
  const snapshot = useInfoLive().data?.snapshot
  if (!snapshot) return null
  return (
    <p className="snapshot-banner" role="note">
      {t('shell.snapshot', { at: formatAbsolute(snapshot.taken_at) })}
    </p>
  )
}
