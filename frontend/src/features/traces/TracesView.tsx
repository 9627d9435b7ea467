/** Search for traces: the answer in a sentence, the scatter, the table. The whole search is in the address. */
import './texts'
import './traces.css'
import { Button } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import { traceQueries } from '@/api/traces'
import type { TraceFilters as Filters } from '@/api/types'
import { formatCount, formatMs } from '@/ui/format'
import { PageBody, PageHead, Panel } from '@/ui/Panel'
import { BlockSkeleton, EmptyState, Loaded, Refreshing } from '@/ui/States'
import { useText } from '@/ui/useText'
import { useUrlState } from '@/ui/useUrlState'
import { type Brush, summaryOf } from './points'
import { Scatter } from './Scatter'
import { BLANK, filtersOf, isNarrowed } from './search'
import { TraceFilters, TraceTimes } from './TraceFilters'
import { TraceTable } from './TraceTable'

const PAUSE_MS = 300

export function TracesView() {
  const t = useText()
  const [search, set] = useUrlState(BLANK)
  const asked = JSON.stringify(search)
  const [settled] = useDebouncedValue(asked, PAUSE_MS)
  const [refreshes, setRefreshes] = useState(0)
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked again, the same search is of a later time
  const filters = useMemo(() => filtersOf(JSON.parse(settled), Date.now()), [settled, refreshes])
  const list = useInfiniteQuery(traceQueries.list(filters))
  const traces = list.data?.pages.flatMap(({ results }) => results)
  return (
    <PageBody>
      <PageHead
        sentence={<Sentence filters={filters} />}
        detail={t('traces.detail')}
        actions={
          <TraceTimes search={search} set={set} onRefresh={() => setRefreshes((count) => count + 1)} />
        }
      />
      <Panel flush>
        <TraceFilters search={search} set={set} />
        <Refreshing busy={asked !== settled || list.isPlaceholderData}>
          <ScatterOf filters={filters} onBrush={(brush) => set(brushed(brush))} />
          <Loaded query={{ ...list, data: traces }} source={t('traces.source.list')}>
            {(found) =>
              found.length ? <TraceTable traces={found} /> : <Nothing narrowed={isNarrowed(search)} />
            }
          </Loaded>
        </Refreshing>
      </Panel>
      {list.hasNextPage && (
        <Button
          variant="default"
          size="xs"
          loading={list.isFetchingNextPage}
          onClick={() => list.fetchNextPage()}
        >
          {t('traces.older')}
        </Button>
      )}
    </PageBody>
  )
}

function brushed({ from, to, min, max }: Brush) {
  const iso = (seconds: number) => new Date(seconds * 1000).toISOString()
  return { from: iso(from), to: iso(to), min: String(round(min)), max: String(round(max)) }
}

/** Three digits say where an edge was drawn. */
const round = (ms: number) => Number(ms.toPrecision(3))

function Sentence({ filters }: { filters: Filters }) {
  const t = useText()
  const { data } = useQuery(traceQueries.points(filters))
  if (!data) return t('nav.traces')
  const { count, errors, slowest, truncated } = summaryOf(data)
  if (count === 0) return t('traces.sentence.none')
  const told = {
    n: count,
    count: formatCount(count),
    errors: formatCount(errors),
    slowest: formatMs(slowest),
  }
  return t(truncated ? 'traces.sentence.newest' : 'traces.sentence', told)
}

function ScatterOf({ filters, onBrush }: { filters: Filters; onBrush: (brush: Brush) => void }) {
  const t = useText()
  const navigate = useNavigate()
  const query = useQuery(traceQueries.points(filters))
  return (
    <div className="traces-scatter-area">
      <Loaded query={query} source={t('traces.source.points')} skeleton={<BlockSkeleton height={224} />}>
        {(data) => (
          <Scatter
            data={data}
            from={filters.from}
            to={filters.to}
            label={t('traces.scatter.label')}
            onOpen={(id) => navigate({ to: '/traces/$id', params: { id } })}
            onBrush={onBrush}
          />
        )}
      </Loaded>
    </div>
  )
}

/** Why there is nothing, as far as it is known, and what to do. */
function Nothing({ narrowed }: { narrowed: boolean }) {
  const t = useText()
  const settings = useQuery(traceQueries.settings()).data?.value
  if (narrowed) return <EmptyState title={t('filter.nothing')} next={t('traces.nothing.narrowed')} />
  const off = settings?.enabled === false
  return (
    <EmptyState
      title={t(off ? 'traces.off' : 'traces.empty')}
      next={
        off
          ? t('traces.off.next')
          : t('traces.empty.next', { percent: settings ? formatCount(settings.percent) : '?' })
      }
      action={
        <Button
          size="xs"
          variant="default"
          renderRoot={(props) => <Link to="/settings" search={{ tab: 'telemetry' } as never} {...props} />}
        >
          {t('traces.settings.open')}
        </Button>
      }
    />
  )
}
