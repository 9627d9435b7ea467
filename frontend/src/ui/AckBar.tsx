import './ack.css'
import { useState } from 'react'
import type { ProxyAck, Revision } from '@/api/types'
import { useProxiesLive, useRevisionLive } from '@/api/useLive'
import { RevisionMark, ToneMark } from './Mark'
import { ErrorState } from './States'
import { useText } from './useText'

const STATUS_TONE = { acked: 'healthy', nacked: 'failing', waiting: 'progress', offline: 'unknown' } as const
const LISTED = 12

/** A revision on its way: how many proxies run it, by name, as they say so. */
export function AckBar({ revision }: { revision: number }) {
  const t = useText()
  const query = useRevisionLive(revision)
  if (query.error) return <ErrorState source={t('source.revision', { n: revision })} error={query.error} />
  const { proxies, state, error } = query.data ?? pending(revision)
  return (
    <section className="ack" aria-label={t('ack.label', { n: revision })}>
      <div className="ack-head">
        <RevisionMark
          state={state}
          label={t(`ack.${state}`, { n: revision, acked: proxies.acked, total: proxies.total })}
        />
        <span className="muted">{took(query.data)}</span>
      </div>
      <div
        className="ack-track"
        role="progressbar"
        aria-valuemin={0}
        aria-valuemax={proxies.total}
        aria-valuenow={proxies.acked}
        aria-label={t('ack.label', { n: revision })}
      >
        <span className="ack-acked" style={{ flexGrow: proxies.acked }} />
        <span className="ack-nacked" style={{ flexGrow: proxies.nacked }} />
        <span className="ack-waiting" style={{ flexGrow: proxies.waiting }} />
        <span className="ack-offline" style={{ flexGrow: proxies.offline }} />
      </div>
      {error && <p className="text-failing">{error}</p>}
      <AckList acks={query.data?.detail ?? []} />
    </section>
  )
}

function pending(revision: number): Pick<Revision, 'revision' | 'state' | 'proxies' | 'error'> {
  return {
    revision,
    state: 'pending',
    error: '',
    proxies: { total: 0, acked: 0, nacked: 0, waiting: 0, offline: 0 },
  }
}

/** From commit to the last acknowledgement. */
function took(revision: Revision | undefined): string {
  if (!revision?.applied_at) return ''
  const ms = new Date(revision.applied_at).getTime() - new Date(revision.committed_at).getTime()
  return `${Math.max(0, Math.round(ms))} ms`
}

const ORDER: ProxyAck['status'][] = ['nacked', 'waiting', 'offline', 'acked']

function AckList({ acks }: { acks: ProxyAck[] }) {
  const t = useText()
  const [all, setAll] = useState(false)
  const names = new Map((useProxiesLive().data ?? []).map((proxy) => [proxy.id, proxy.name]))
  const ordered = [...acks].sort((a, b) => ORDER.indexOf(a.status) - ORDER.indexOf(b.status))
  const shown = all ? ordered : ordered.slice(0, LISTED)
  return (
    <>
      <ul className="ack-list">
        {shown.map((ack) => (
          <li key={ack.proxy}>
            <ToneMark tone={STATUS_TONE[ack.status]} label={names.get(ack.proxy) ?? ack.proxy} />
            <span className="muted">{t(`ack.status.${ack.status}`)}</span>
            {ack.error && <span className="text-failing">{ack.error}</span>}
          </li>
        ))}
      </ul>
      {ordered.length > shown.length && (
        <button type="button" className="link-button" onClick={() => setAll(true)}>
          {t('ack.more', { n: ordered.length - shown.length })}
        </button>
      )}
    </>
  )
}
