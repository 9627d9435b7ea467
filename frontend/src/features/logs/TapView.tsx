/** Requests as they pass. What is shown can be paused; what is left out anywhere is said. */
import './texts'
import './logs.css'
import { Button } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import { ApiError } from '@/api/problem'
import { stopTap, TAP_RECORDS, tapQueries, useTapLive, type Watched } from '@/api/taps'
import type { Tap, TapRecord } from '@/api/types'
import { DataTable } from '@/ui/DataTable'
import { formatCount } from '@/ui/format'
import { ToneMark } from '@/ui/Mark'
import { PageBody, PageHead, Panel } from '@/ui/Panel'
import { BlockSkeleton, EmptyState, ErrorState, Loaded } from '@/ui/States'
import { useNow } from '@/ui/useNow'
import { useText } from '@/ui/useText'
import { LineDetails } from './LineDetails'
import { LogTabs } from './LogTabs'
import { lineColumns } from './parts'
import { TapForm } from './TapForm'
import { draftFrom, whatWords } from './tapForm'

export function TapView({ id }: { id: string }) {
  const t = useText()
  const query = useQuery(tapQueries.one(id))
  if (query.error instanceof ApiError && query.error.status === 404) {
    return (
      <PageBody>
        <LogTabs current="taps" />
        <EmptyState title={t('tap.gone')} next={t('tap.gone.next')} />
      </PageBody>
    )
  }
  return (
    <PageBody>
      <LogTabs current="taps" />
      <Loaded query={query} source={t('tap.source')} skeleton={<BlockSkeleton height={320} />}>
        {(tap) => <Watch asked={tap} />}
      </Loaded>
    </PageBody>
  )
}

/** `asked` is the tap as it was when the page opened; what is told live is newer. */
function Watch({ asked }: { asked: Tap }) {
  const live = useTapLive(asked.id)
  const tap = live?.tap ?? asked
  const ended = tap.state !== 'active'
  return (
    <>
      <Head tap={tap} />
      {ended && <Ended tap={tap} />}
      {live && <Counts live={live} />}
      <Requests live={live} ended={ended} />
    </>
  )
}

function Head({ tap }: { tap: Tap }) {
  const t = useText()
  const cache = useQueryClient()
  const now = useNow(1000)
  const stop = useMutation({
    mutationFn: () => stopTap(tap.id),
    onSuccess: (stopped) => {
      cache.setQueryData(tapQueries.one(tap.id).queryKey, stopped)
      cache.invalidateQueries({ queryKey: tapQueries.list().queryKey })
    },
  })
  const active = tap.state === 'active'
  const what = whatWords(tap, t)
  const label = active
    ? t('tap.sentence.active', { what, left: leftOf(tap.until, now) })
    : t('tap.sentence.ended', { what })
  return (
    <>
      <PageHead
        sentence={
          <span className="sentence">
            <ToneMark tone={active ? 'progress' : 'unknown'} label={label} />
          </span>
        }
        actions={
          active && (
            <Button size="xs" variant="default" loading={stop.isPending} onClick={() => stop.mutate()}>
              {t('tap.stop')}
            </Button>
          )
        }
      />
      {stop.error && <ErrorState source={t('tap.source')} error={stop.error} />}
    </>
  )
}

/** "9:41" */
export function leftOf(until: string, now: number): string {
  const seconds = Math.max(0, Math.round((Date.parse(until) - now) / 1000))
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}

/** It ends in sight, says why, and can be had again as it was. */
function Ended({ tap }: { tap: Tap }) {
  const t = useText()
  const [again, setAgain] = useState(false)
  const state = tap.state === 'active' ? 'expired' : tap.state
  return (
    <div className="notice notice-degraded" role="status">
      <p>{t(`tap.ended.${state}`, { by: tap.ended_by })}</p>
      {again ? (
        <TapForm begin={draftFrom(tap)} />
      ) : (
        <p className="row">
          <Button size="compact-xs" variant="default" onClick={() => setAgain(true)}>
            {t('tap.again')}
          </Button>
          <Link to="/logs/taps">{t('taps.list')}</Link>
        </p>
      )}
    </div>
  )
}

/** How many matched, and where each that is not shown was left out. */
function Counts({ live: { counts, lost } }: { live: Watched }) {
  const t = useText()
  const items: [label: string, count: number, hint?: string][] = [
    [t('tap.proxies'), counts.proxies],
    [t('tap.matched'), counts.matched],
    [t('tap.received'), counts.received],
    [t('tap.dropped'), counts.dropped_by_proxies, t('tap.dropped.hint')],
    [t('tap.droppedHere'), counts.dropped_by_collector],
    [t('tap.lost'), lost],
  ]
  return (
    <>
      <dl className="tap-counts">
        {items.map(([label, count, hint]) => (
          <div key={label} title={hint}>
            <dt>{label}</dt>
            <dd>{formatCount(count)}</dd>
          </div>
        ))}
      </dl>
      {counts.refused.map(({ proxy, error }) => (
        <p key={proxy} className="notice notice-degraded">
          {t('tap.refused', { proxy, error })}
        </p>
      ))}
    </>
  )
}

function Requests({ live, ended }: { live: Watched | undefined; ended: boolean }) {
  const t = useText()
  const [open, setOpen] = useState('')
  const [held, setHeld] = useState<TapRecord[] | null>(null)
  const [clearedTo, setClearedTo] = useState(0)
  const records = (held ?? live?.records ?? []).filter(({ n }) => n > clearedTo)
  const missed = held ? (live?.last ?? 0) - (held[0]?.n ?? clearedTo) : 0
  const columns = lineColumns<TapRecord>(
    t,
    (record) => ({ line: record.request, key: String(record.n) }),
    open,
    setOpen,
  )
  return (
    <Panel
      title={t('tap.table')}
      aside={
        <>
          {held && <span role="status">{t('tap.paused', { n: missed })}</span>}
          <Button size="compact-xs" variant="default" onClick={() => setClearedTo(live?.last ?? 0)}>
            {t('tap.clear')}
          </Button>
          <Button
            size="compact-xs"
            variant={held ? 'filled' : 'default'}
            onClick={() => setHeld(held ? null : (live?.records ?? []))}
          >
            {t(held ? 'tap.resume' : 'tap.pause')}
          </Button>
        </>
      }
      flush
    >
      {records.length === 0 ? (
        <NoRequests live={live} ended={ended} />
      ) : (
        <div className="logs-table">
          <DataTable
            label={t('tap.table')}
            columns={columns}
            rows={records}
            rowKey={({ n }) => String(n)}
            selected={open}
            detail={(record) => (
              <LineDetails line={record.request}>
                <Heads record={record} />
              </LineDetails>
            )}
          />
        </div>
      )}
      {live && live.last > TAP_RECORDS && (
        <p className="muted logs-notice">
          {t('tap.bounded', { n: formatCount(TAP_RECORDS), all: formatCount(live.last) })}
        </p>
      )}
    </Panel>
  )
}

function NoRequests({ live, ended }: { live: Watched | undefined; ended: boolean }) {
  const t = useText()
  if (live && !ended && live.counts.proxies === 0) {
    return <EmptyState title={t('tap.none.proxies')} next={t('tap.none.proxies.next')} />
  }
  return <EmptyState title={t('tap.none')} next={t('tap.none.next')} />
}

/** The heads as the proxy copied them; what it took out is said to be taken out. */
function Heads({ record }: { record: TapRecord }) {
  const t = useText()
  return (
    <>
      <p className="logs-request">
        <span className="muted">{t('tap.target')}</span> <code>{record.target}</code>
      </p>
      <div className="tap-headers">
        <HeaderList title={t('tap.headers.request')} headers={record.request_headers} />
        <HeaderList title={t('tap.headers.response')} headers={record.response_headers} />
      </div>
      {record.cut && <p className="muted">{t('tap.cut')}</p>}
    </>
  )
}

const REDACTED = '[redacted]'

function HeaderList({ title, headers }: { title: string; headers: readonly (readonly [string, string])[] }) {
  const t = useText()
  const value = (text: string): ReactNode =>
    text === REDACTED ? <em className="muted">{t('tap.redacted')}</em> : text
  return (
    <div>
      <h3>{title}</h3>
      {headers.length === 0 && <p className="muted">{t('tap.headers.none')}</p>}
      <dl>
        {headers.map(([name, text], index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a head may name the same header twice, and never changes
          <div key={index}>
            <dt className="muted">{name}</dt>
            <dd>{value(text)}</dd>
          </div>
        ))}
      </dl>
    </div>
  )
}
