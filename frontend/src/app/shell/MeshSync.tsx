import { Link } from '@tanstack/react-router'
import type { Info, SyncState } from '@/api/types'
import { useInfoLive } from '@/api/useLive'
import { SyncMark } from '@/ui/Mark'
import { useText } from '@/ui/useText'

export function syncState({ proxies, synced, refused, offline }: Info['sync']): SyncState {
  if (refused > 0) return 'refused'
  if (synced + offline < proxies) return 'syncing'
  return offline > 0 && synced === 0 ? 'offline' : 'synced'
}

/** How many proxies run what the mesh wants of them. */
export function MeshSync() {
  const t = useText()
  const sync = useInfoLive().data?.sync
  if (!sync) return null
  const label = t('shell.sync', { synced: sync.synced, total: sync.proxies })
  return (
    <Link to="/proxies" className="mesh-sync" title={t('shell.sync.title', sync)}>
      <SyncMark state={syncState(sync)} label={label} />
    </Link>
  )
}
