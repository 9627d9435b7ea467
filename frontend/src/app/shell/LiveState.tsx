import { frameAge, pastMoment } from '@/api/freshness'
import { live } from '@/api/live'
import { useLiveStatus } from '@/api/useLive'
import { ToneMark } from '@/ui/Mark'
import { useNow } from '@/ui/useNow'
import { useText } from '@/ui/useText'

/** From this age on, what is shown is called stale. */
const STALE_S = 5

export type Liveness = { state: 'live' | 'stale' | 'connecting'; ageS: number | null }

export function liveness(status: string, ageS: number | null, silentS: number | null): Liveness {
  if (status === 'open') return { state: ageS !== null && ageS >= STALE_S ? 'stale' : 'live', ageS }
  if (silentS === null) return { state: 'connecting', ageS: null }
  return { state: 'stale', ageS: ageS ?? silentS }
}

export function LiveState() {
  const t = useText()
  const status = useLiveStatus()
  const now = useNow(1000)
  if (pastMoment() !== null) {
    return (
      <span className="live-state" role="status" aria-live="off">
        <ToneMark tone="unknown" label={t('live.past')} />
      </span>
    )
  }
  const silentS = live.lastMessageAt && (now - live.lastMessageAt) / 1000
  const { state, ageS } = liveness(status, frameAge(now), silentS)
  const age = ageS === null ? '' : `${Math.max(1, Math.round(ageS))} s`
  const tone = state === 'live' ? 'healthy' : state === 'stale' ? 'degraded' : 'progress'
  const label = state !== 'connecting' && age ? t(`live.${state}.age`, { age }) : t(`live.${state}`)
  return (
    <span className="live-state" role="status" aria-live="off">
      <ToneMark tone={tone} label={label} />
    </span>
  )
}
