import { Button, TextInput } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import type { ServiceTraffic } from '@/api/types'
import { useProxiesLive } from '@/api/useLive'
import { useText } from '@/ui/useText'

type ReviewProps = {
  service: string
  traffic: ServiceTraffic | undefined
  error: string | null
  busy: boolean
  applyLabel: string
  onCancel: () => void
  onApply: (reason: string) => void
  children: ReactNode
}

/** The last look before a change: what differs, whom it reaches, and why it is made. */
export function Review({
  service,
  traffic,
  error,
  busy,
  applyLabel,
  onCancel,
  onApply,
  children,
}: ReviewProps) {
  const t = useText()
  const [reason, setReason] = useState('')
  return (
    <section className="review" aria-label={t('review.title')}>
      <h3>{t('review.title')}</h3>
      {children}
      <Reach traffic={traffic} service={service} />
      {error && (
        <p className="text-failing" role="alert">
          {error}
        </p>
      )}
      <TextInput
        label={t('review.reason')}
        placeholder={t('review.reason.hint')}
        value={reason}
        maxLength={500}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
      <div className="row">
        <Button size="xs" loading={busy} onClick={() => onApply(reason)}>
          {applyLabel}
        </Button>
        <Button size="xs" variant="default" disabled={busy} onClick={onCancel}>
          {t('action.back')}
        </Button>
      </div>
    </section>
  )
}

/** Every connected proxy follows every service; the ones that call this one will act on it. */
function Reach({ traffic, service }: { traffic: ServiceTraffic | undefined; service: string }) {
  const t = useText()
  const proxies = useProxiesLive().data ?? []
  const callers = new Set(traffic?.in.map((edge) => edge.source.split('@')[0]))
  const calling = proxies.filter((proxy) => callers.has(proxy.service))
  const connected = proxies.filter((proxy) => proxy.connected).length
  return (
    <p>
      {t('review.reach', { n: connected })}{' '}
      {calling.length > 0
        ? t('review.calling', { service, names: calling.map((proxy) => proxy.name).join(', ') })
        : t('review.noCallers', { service })}
    </p>
  )
}
