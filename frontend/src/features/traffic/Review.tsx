import { Button, TextInput } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import type { MeshProxy, ServiceTraffic } from '@/api/types'
import { useProxiesLive } from '@/api/useLive'
import { SyncMark } from '@/ui/Mark'
import { useText } from '@/ui/useText'

type ReviewProps = {
  service: string
  traffic: ServiceTraffic | undefined
  error: string | null
  busy: boolean
  applyLabel: string
  /** Whether the draft can be applied at all. */
  ready?: boolean
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
  ready = true,
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
        <Button size="xs" loading={busy} disabled={!ready} onClick={() => onApply(reason)}>
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
  const others = proxies.filter((proxy) => !callers.has(proxy.service))
  const connected = proxies.filter((proxy) => proxy.connected).length
  return (
    <div className="reach">
      <p>
        {t('review.reach', { n: connected })}{' '}
        {calling.length > 0 ? t('review.calling', { service }) : t('review.noCallers', { service })}
      </p>
      {calling.length > 0 && <ProxyMarks proxies={calling} />}
      {others.length > 0 && (
        <details>
          <summary>{t('review.others', { n: others.length, count: others.length })}</summary>
          <ProxyMarks proxies={others} />
        </details>
      )}
    </div>
  )
}

function ProxyMarks({ proxies }: { proxies: readonly MeshProxy[] }) {
  const t = useText()
  return (
    <ul className="proxy-marks">
      {proxies.map(({ id, name, sync }) => (
        <li key={id} title={`${name}: ${t(`sync.${sync.state}`)}`}>
          <SyncMark state={sync.state} label={name} />
        </li>
      ))}
    </ul>
  )
}
