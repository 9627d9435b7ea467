/** The access log: searched, or followed as it grows. The whole search is in the address. */
import './texts'
import './logs.css'
import { Button } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useMemo, useState } from 'react'
import { logQueries, useLogsLive } from '@/api/logs'
import type { LogLine } from '@/api/types'
import { DataTable } from '@/ui/DataTable'
import { formatCount } from '@/ui/format'
import { PageBody, PageHead, Panel } from '@/ui/Panel'
import { SearchTimes } from '@/ui/SearchTimes'
import { EmptyState, Loaded, Refreshing } from '@/ui/States'
import { useText } from '@/ui/useText'
import { useUrlState } from '@/ui/useUrlState'
import { LineDetails } from './LineDetails'
import { IdField, LogFilters } from './LogFilters'
import { EditLogging, loggingSentence } from './LoggingSettings'
import { LogTabs } from './LogTabs'
import { lineColumns } from './parts'
import { BLANK, filtersOf, isNarrowed, type Search, wantedOf } from './search'

const PAUSE_MS = 300

type ViewProps = { search: Search; settled: Search; set: (patch: Partial<Search>) => void }

export function LogsView() {
  const [search, set] = useUrlState(BLANK)
  const [settled] = useDebouncedValue(JSON.stringify({ ...search, line: '' }), PAUSE_MS)
  const props = { search, settled: useMemo(() => JSON.parse(settled) as Search, [settled]), set }
  return <PageBody>{search.live ? <Followed {...props} /> : <Searched {...props} />}</PageBody>
}

function Searched({ search, settled, set }: ViewProps) {
  const t = useText()
  const [refreshes, setRefreshes] = useState(0)
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked again, the same search is of a later time
  const filters = useMemo(() => filtersOf(settled, Date.now()), [settled, refreshes])
  const query = useInfiniteQuery(logQueries.list(filters))
  const lines = query.data?.pages.flatMap(({ results }) => results)
  return (
    <>
      <LogTabs current="search" />
      <PageHead
        sentence={sentenceOf(lines, query.hasNextPage, t)}
        detail={<WhatIsLogged />}
        actions={
          <>
            <IdField set={set} />
            {filters.from && (
              <SearchTimes times={search} set={set} onRefresh={() => setRefreshes((count) => count + 1)} />
            )}
            <Button size="xs" variant="default" onClick={() => set({ live: '1', line: '' })}>
              {t('logs.live.start')}
            </Button>
          </>
        }
      />
      <Panel flush>
        <LogFilters search={search} set={set} />
        <Refreshing busy={isAhead(search, settled) || query.isPlaceholderData}>
          <Loaded query={{ ...query, data: lines }} source={t('logs.source.list')}>
            {(found) =>
              found.length ? (
                <LineTable lines={found} open={search.line} onOpen={(line) => set({ line })} />
              ) : (
                <Nothing narrowed={isNarrowed(settled)} />
              )
            }
          </Loaded>
        </Refreshing>
      </Panel>
      {query.hasNextPage && (
        <Button
          variant="default"
          size="xs"
          loading={query.isFetchingNextPage}
          onClick={() => query.fetchNextPage()}
        >
          {t('logs.older')}
        </Button>
      )}
    </>
  )
}

/** Whether what is typed is not asked for yet. */
const isAhead = (search: Search, settled: Search) =>
  JSON.stringify({ ...search, line: '' }) !== JSON.stringify(settled)

function sentenceOf(lines: LogLine[] | undefined, more: boolean, t: ReturnType<typeof useText>): string {
  if (!lines) return t('nav.logs')
  if (lines.length === 0) return t('logs.sentence.none')
  const failed = formatCount(lines.filter(({ error }) => error).length)
  const told = { n: lines.length, count: formatCount(lines.length), failed }
  return t(more ? 'logs.sentence.more' : 'logs.sentence', told)
}

/** Nothing is asked for again: the server sends what is new, and nothing while the tab is hidden. */
function Followed({ search, settled, set }: ViewProps) {
  const t = useText()
  const wanted = useMemo(() => wantedOf(settled), [settled])
  const log = useLogsLive(wanted)
  return (
    <>
      <LogTabs current="search" />
      <PageHead
        sentence={t('logs.sentence.live')}
        detail={<WhatIsLogged />}
        actions={
          <Button size="xs" onClick={() => set({ live: '', line: '' })}>
            {t('logs.live.stop')}
          </Button>
        }
      />
      <Panel flush>
        <LogFilters search={search} set={set} />
        {log?.skipped && <p className="notice notice-degraded logs-notice">{t('logs.live.skipped')}</p>}
        {log?.lines.length ? (
          <LineTable lines={log.lines} open={search.line} onOpen={(line) => set({ line })} />
        ) : (
          <Waiting />
        )}
      </Panel>
    </>
  )
}

/** Why nothing comes, where that is known. */
function Waiting() {
  const t = useText()
  const settings = useQuery(logQueries.settings()).data?.value
  if (settings && (settings.mode === 'off' || !settings.collected)) return <Nothing narrowed={false} />
  return <EmptyState title={t('logs.live.waiting')} next={t('logs.live.waiting.next')} />
}

type TableProps = { lines: LogLine[]; open: string; onOpen: (id: string) => void }

function LineTable({ lines, open, onOpen }: TableProps) {
  const t = useText()
  const columns = lineColumns<LogLine>(t, (line) => ({ line, key: line.id }), open, onOpen)
  return (
    <div className="logs-table">
      <DataTable
        label={t('logs.tab.search')}
        columns={columns}
        rows={lines}
        rowKey={({ id }) => id}
        selected={open}
        detail={(line) => <LineDetails line={line} />}
      />
    </div>
  )
}

function WhatIsLogged() {
  const t = useText()
  const settings = useQuery(logQueries.settings()).data
  if (!settings) return null
  return (
    <span className="row">
      {loggingSentence(settings.value, t)}
      <EditLogging {...settings} />
    </span>
  )
}

/** Why there is nothing, and what to do about it: to switch logging on is one click away. */
function Nothing({ narrowed }: { narrowed: boolean }) {
  const t = useText()
  const settings = useQuery(logQueries.settings()).data
  if (!settings) return <EmptyState title={t('logs.empty')} next={t('logs.empty.next')} />
  const { mode, percent, collected } = settings.value
  if (mode === 'off') {
    return (
      <EmptyState
        title={t('logs.off')}
        next={t('logs.off.next')}
        action={<EditLogging {...settings} start={{ mode: 'all', percent: 10, collected: true }} />}
      />
    )
  }
  if (!collected) {
    return (
      <EmptyState
        title={t('logs.uncollected')}
        next={t('logs.uncollected.next')}
        action={<EditLogging {...settings} start={{ mode, percent, collected: true }} />}
      />
    )
  }
  if (!narrowed) return <EmptyState title={t('logs.empty')} next={t('logs.empty.next')} />
  const next =
    mode === 'errors' ? t('logs.narrowed.errors') : t('logs.narrowed', { percent: formatCount(percent) })
  return <EmptyState title={t('filter.nothing')} next={next} />
}
