/** What a draft would have done to the requests that were observed. */
import { Select } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { ApiError } from '@/api/problem'
import { securityQueries } from '@/api/security'
import type { Replayed, ReplayRow } from '@/api/types'
import type { Translate } from '@/text'
import { type Column, DataTable } from '@/ui/DataTable'
import { formatCount } from '@/ui/format'
import { ToneMark } from '@/ui/Mark'
import { Panel } from '@/ui/Panel'
import { BlockSkeleton } from '@/ui/States'
import { useText } from '@/ui/useText'
import { type PolicyDraft, policyOf } from './draft/policy'
import { DecisionMark } from './parts'

export const WINDOWS = ['5m', '15m', '1h'] as const
const PAUSE_MS = 500

/** `ready`: the draft can be tried. Until it can again, the last answer stays. */
export function ReplayPanel({ value, ready }: { value: PolicyDraft; ready: boolean }) {
  const t = useText()
  const [window, setWindow] = useState<string>('1h')
  const [settled] = useDebouncedValue(value, PAUSE_MS)
  const query = useQuery({
    ...securityQueries.replay(policyOf(settled), window),
    enabled: ready && settled === value,
  })
  return (
    <Panel
      title={t('sec.replay.title')}
      aside={
        <Select
          size="xs"
          w={112}
          aria-label={t('sec.window')}
          value={window}
          data={WINDOWS.map((each) => ({ value: each, label: t(`sec.window.${each}`) }))}
          allowDeselect={false}
          onChange={(next) => setWindow(next ?? '1h')}
        />
      }
      flush
    >
      {query.error ? (
        <p className="sec-note text-failing" role="alert">
          {refusalOf(query.error)}
        </p>
      ) : query.data ? (
        <ReplayView replayed={query.data} />
      ) : ready ? (
        <BlockSkeleton height={96} />
      ) : (
        <p className="sec-note muted">{t('sec.replay.waits')}</p>
      )}
    </Panel>
  )
}

function refusalOf(error: unknown): string {
  if (error instanceof ApiError && error.fields.length) {
    return error.fields.map(({ path, detail }) => `${path}: ${detail}`).join(' ')
  }
  return error instanceof Error ? error.message : String(error)
}

export function ReplayView({ replayed }: { replayed: Replayed }) {
  const t = useText()
  const { rows, unjudged, untold } = replayed
  return (
    <>
      <div className="sec-note sec-replay-head">
        <ToneMark tone={toneOf(replayed)} label={replayWords(replayed, t)} />
        {replayed.newly_allowed > 0 && (
          <p>
            {t('sec.replay.allowed', {
              count: formatCount(replayed.newly_allowed),
              n: replayed.newly_allowed,
            })}
          </p>
        )}
        <p className="muted">
          {t('sec.replay.sample', {
            requests: formatCount(replayed.requests),
            n: replayed.requests,
            sampled: formatCount(replayed.sampled),
          })}
          {unjudged > 0 &&
            ` ${t('sec.replay.unjudged', { n: unjudged, count: formatCount(unjudged), what: untold.join(', ') })}`}
        </p>
      </div>
      {rows.length > 0 && <ReplayTable rows={rows} />}
    </>
  )
}

function toneOf({ newly_denied, requests }: Replayed): 'failing' | 'unknown' | 'healthy' {
  if (newly_denied > 0) return 'failing'
  return requests === 0 ? 'unknown' : 'healthy'
}

/** "It would deny 312 requests of the last hour: 300 from shop/cart, 12 from shop/batch." */
export function replayWords(replayed: Replayed, t: Translate): string {
  const { newly_denied: denied, requests } = replayed
  if (requests === 0) return t('sec.replay.nothing')
  if (denied === 0) return t('sec.replay.none')
  const bySource = new Map<string, number>()
  for (const row of replayed.rows) {
    if (row.now === 'allowed' && row.draft === 'denied') {
      bySource.set(row.source, (bySource.get(row.source) ?? 0) + row.requests)
    }
  }
  const worst = [...bySource].sort(([, a], [, b]) => b - a)
  const named = worst
    .slice(0, 3)
    .map(([source, count]) =>
      worst.length > 1
        ? t('sec.replay.from', { source: sourceWords(source, t), count: formatCount(count) })
        : sourceWords(source, t),
    )
  return t('sec.replay.denied', { n: denied, count: formatCount(denied), sources: named.join(', ') })
}

/** Who has no identity, or may not be named, is said in words. */
export function sourceWords(source: string, t: Translate): string {
  if (source === 'unknown' || source === '') return t('sec.source.unknown')
  return source === 'hidden' ? t('sec.source.hidden') : source
}

function ReplayTable({ rows }: { rows: ReplayRow[] }) {
  const t = useText()
  const columns: Column<ReplayRow>[] = [
    {
      key: 'source',
      header: t('table.caller'),
      cell: ({ source, destination }) => (
        <span>
          {sourceWords(source, t)} <span className="muted">→ {destination}</span>
        </span>
      ),
    },
    {
      key: 'request',
      header: t('sec.replay.request'),
      cell: ({ method, path }) => <code>{`${method} ${path}`}</code>,
      long: true,
    },
    {
      key: 'requests',
      header: t('sec.requests'),
      cell: ({ requests }) => formatCount(requests),
      numeric: true,
    },
    {
      key: 'now',
      header: t('sec.replay.now'),
      cell: ({ now }) => <DecisionMark decision={now} quietAllowed />,
    },
    {
      key: 'draft',
      header: t('sec.replay.draft'),
      cell: ({ draft, changed }) =>
        changed ? (
          <strong>
            <DecisionMark decision={draft} />
          </strong>
        ) : (
          <DecisionMark decision={draft} quietAllowed />
        ),
    },
    { key: 'by', header: t('sec.by'), cell: ({ policy }) => policy || t('sec.byDefault'), wideOnly: true },
  ]
  return (
    <DataTable
      label={t('sec.replay.title')}
      columns={columns}
      rows={rows}
      rowKey={({ source, destination, method, path, now, draft, policy }) =>
        [source, destination, method, path, now, draft, policy].join(' ')
      }
    />
  )
}
