/** Every rollout: those under way, live, before those that ended. */
import './texts'
import { Button, Select, TextInput } from '@mantine/core'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { queries } from '@/api/queries'
import { rolloutQueries } from '@/api/rollouts'
import { allowsAnywhere, useMe } from '@/api/session'
import type { Rollout, RolloutState as State } from '@/api/types'
import { useActiveRollouts } from '@/api/useRollouts'
import { type Column, DataTable } from '@/ui/DataTable'
import { PageBody, PageHead, Panel } from '@/ui/Panel'
import { EmptyState, ErrorState, Loaded, TableSkeleton } from '@/ui/States'
import { Time } from '@/ui/Time'
import { useText } from '@/ui/useText'
import { useUrlState } from '@/ui/useUrlState'
import { RolloutLink, RolloutState, VerdictLine, WeightBar } from './RolloutParts'

const DEFAULTS = { state: '', namespace: '', search: '' }
type Filters = typeof DEFAULTS
const STATES: State[] = [
  'progressing',
  'paused',
  'promoting',
  'rolling_back',
  'succeeded',
  'rolled_back',
  'draft',
]

export function RolloutList() {
  const t = useText()
  const [filters, set] = useUrlState(DEFAULTS)
  const active = useActiveRollouts()
  const underWay = (active.data ?? []).filter((rollout) => matches(rollout, filters))
  const rest = useEnded(filters)
  const filtered = Object.values(filters).some(Boolean)
  const mayStart = allowsAnywhere(useMe().data, 'traffic.write')
  const nothing = active.data && rest.rollouts && underWay.length === 0 && rest.rollouts.length === 0
  const start = mayStart && <StartLink />
  return (
    <PageBody>
      <PageHead sentence={headline(active.data, t)} actions={!nothing || filtered ? start : null} />
      <Panel flush>
        <FilterBar filters={filters} set={set} />
        {nothing ? (
          <EmptyState
            title={filtered ? t('filter.nothing') : t('rollouts.empty')}
            next={filtered ? t('filter.nothing.next') : t('rollouts.empty.next')}
            action={!filtered && start}
          />
        ) : (
          <Loaded query={active} source={t('source.rollouts')} skeleton={<TableSkeleton rows={2} />}>
            {() =>
              underWay.length > 0 ? (
                <RolloutTable label={t('rollouts.active')} rollouts={underWay} />
              ) : (
                <p className="panel-note muted">{t('rollouts.none')}</p>
              )
            }
          </Loaded>
        )}
      </Panel>
      {rest.query.error && (
        <ErrorState
          source={t('source.rollouts')}
          error={rest.query.error}
          retry={() => rest.query.refetch()}
        />
      )}
      {rest.rollouts && rest.rollouts.length > 0 && (
        <Panel title={t('rollouts.ended')} flush>
          <RolloutTable label={t('rollouts.ended')} rollouts={rest.rollouts} />
        </Panel>
      )}
      {rest.query.hasNextPage && (
        <Button
          variant="default"
          size="xs"
          loading={rest.query.isFetchingNextPage}
          onClick={() => rest.query.fetchNextPage()}
        >
          {t('rollouts.older')}
        </Button>
      )}
    </PageBody>
  )
}

function headline(active: Rollout[] | undefined, t: ReturnType<typeof useText>): string {
  if (!active) return t('nav.rollouts')
  const waiting = active.filter(({ state }) => state === 'paused').length
  if (active.length === 0) return t('rollouts.sentence.none')
  return waiting
    ? t('rollouts.sentence.waiting', { n: active.length, waiting })
    : t('rollouts.sentence', { n: active.length })
}

function matches(rollout: Rollout, { state, namespace, search }: Filters): boolean {
  return (
    (!state || rollout.state === state) &&
    (!namespace || rollout.service.startsWith(`${namespace}/`)) &&
    `${rollout.service} ${rollout.canary} ${rollout.created_by}`.includes(search.toLowerCase())
  )
}

/** The rollouts that are not under way, newest first, page by page. */
function useEnded(filters: Filters) {
  const { state, ...rest } = filters
  const query = useInfiniteQuery(rolloutQueries.list({ ...rest, state: state as State | '', active: false }))
  const rollouts = query.data?.pages.flatMap((page) => page.results)
  return { query, rollouts }
}

function StartLink() {
  const t = useText()
  return (
    <Button size="xs" renderRoot={(props) => <Link to="/rollouts/new" {...props} />}>
      {t('rollout.new')}
    </Button>
  )
}

function FilterBar({ filters, set }: { filters: Filters; set: (patch: Partial<Filters>) => void }) {
  const t = useText()
  const namespaces = useQuery(queries.namespaces()).data ?? []
  return (
    <div className="filters">
      <TextInput
        size="xs"
        aria-label={t('rollouts.search')}
        placeholder={t('rollouts.search')}
        value={filters.search}
        onChange={(event) => set({ search: event.currentTarget.value })}
      />
      <Select
        size="xs"
        aria-label={t('table.state')}
        placeholder={t('rollouts.anyState')}
        value={filters.state || null}
        onChange={(state) => set({ state: state ?? '' })}
        data={STATES.map((value) => ({ value, label: t(`rollout.state.${value}`) }))}
        clearable
      />
      <Select
        size="xs"
        aria-label={t('filter.namespace')}
        placeholder={t('topology.namespaces.all')}
        value={filters.namespace || null}
        onChange={(namespace) => set({ namespace: namespace ?? '' })}
        data={namespaces.map(({ name }) => name).sort()}
        clearable
      />
    </div>
  )
}

function RolloutTable({ label, rollouts }: { label: string; rollouts: Rollout[] }) {
  const t = useText()
  const columns: Column<Rollout>[] = [
    { key: 'rollout', header: t('rollout.rollout'), cell: (row) => <RolloutLink rollout={row} /> },
    { key: 'state', header: t('table.state'), cell: (row) => <RolloutState rollout={row} />, long: true },
    { key: 'weight', header: t('rollout.weight'), cell: (row) => <WeightBar rollout={row} /> },
    {
      key: 'verdict',
      header: t('rollout.verdict'),
      cell: (row) => <VerdictLine rollout={row} />,
      long: true,
    },
    {
      key: 'strategy',
      header: t('rollout.strategy'),
      cell: (row) => t(`rollout.strategy.${row.strategy}`),
      wideOnly: true,
    },
    { key: 'by', header: t('rollout.startedBy'), cell: (row) => row.created_by, wideOnly: true },
    {
      key: 'at',
      header: t('rollout.changed'),
      cell: (row) => <Time at={row.finished_at ?? row.started_at ?? row.created_at} />,
      numeric: true,
    },
  ]
  return (
    <div className="rollout-list">
      <DataTable label={label} columns={columns} rows={rollouts} rowKey={(row) => row.id} />
    </div>
  )
}
