import { Button, Select, TextInput } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { MeshProxy, SyncState } from '@/api/types'
import { useProxiesLive } from '@/api/useLive'
import { type Column, DataTable } from '@/ui/DataTable'
import { formatBytes, formatCount, formatRate, NONE } from '@/ui/format'
import { SyncMark } from '@/ui/Mark'
import { PageBody, PageHead, Panel } from '@/ui/Panel'
import { EmptyState, Loaded } from '@/ui/States'
import { Time } from '@/ui/Time'
import { parseSort, sortText } from '@/ui/urlSort'
import { useText } from '@/ui/useText'
import { useUrlState } from '@/ui/useUrlState'

const DEFAULTS = { search: '', state: '', service: '', sort: 'state' }
const STATES: SyncState[] = ['refused', 'syncing', 'offline', 'synced']

export function ProxyList() {
  const t = useText()
  const [filters, set] = useUrlState(DEFAULTS)
  const query = useProxiesLive()
  const columns = useColumns()
  const all = query.data ?? []
  const shown = all.filter(
    (proxy) =>
      (!filters.state || proxy.sync.state === filters.state) &&
      (!filters.service || proxy.service === filters.service) &&
      `${proxy.name} ${proxy.service} ${proxy.id}`.includes(filters.search.toLowerCase()),
  )
  return (
    <PageBody>
      <PageHead sentence={query.data ? <Sentence proxies={all} /> : t('nav.proxies')} />
      <Panel flush>
        <div className="filters">
          <TextInput
            size="xs"
            aria-label={t('filter.search')}
            placeholder={t('filter.search')}
            value={filters.search}
            onChange={(event) => set({ search: event.currentTarget.value })}
          />
          <Select
            size="xs"
            aria-label={t('table.sync')}
            placeholder={t('table.sync')}
            value={filters.state || null}
            onChange={(state) => set({ state: state ?? '' })}
            data={STATES.map((value) => ({ value, label: t(`sync.${value}`) }))}
            clearable
          />
          <Select
            size="xs"
            aria-label={t('table.service')}
            placeholder={t('table.service')}
            value={filters.service || null}
            onChange={(service) => set({ service: service ?? '' })}
            data={[...new Set(all.map((proxy) => proxy.service))].sort()}
            searchable
            clearable
          />
        </div>
        <Loaded query={query} source={t('source.proxies')}>
          {() =>
            shown.length > 0 ? (
              <DataTable
                label={t('nav.proxies')}
                columns={columns}
                rows={shown}
                rowKey={(proxy) => proxy.id}
                sort={parseSort(filters.sort)}
                onSort={(sort) => set({ sort: sortText(sort) })}
              />
            ) : all.length > 0 ? (
              <EmptyState title={t('filter.nothing')} next={t('filter.nothing.next')} />
            ) : (
              <EmptyState
                title={t('proxies.empty')}
                next={t('proxies.empty.next')}
                action={
                  <Button
                    size="xs"
                    renderRoot={(props) => (
                      <Link to="/settings" search={{ tab: 'join' } as never} {...props} />
                    )}
                  >
                    {t('join.create')}
                  </Button>
                }
              />
            )
          }
        </Loaded>
      </Panel>
    </PageBody>
  )
}

function Sentence({ proxies }: { proxies: MeshProxy[] }) {
  const t = useText()
  const count = (state: SyncState) => proxies.filter((proxy) => proxy.sync.state === state).length
  const parts = (['refused', 'syncing', 'offline'] as const).filter((state) => count(state) > 0)
  if (proxies.length === 0) return t('proxies.empty')
  if (parts.length === 0) return t('proxies.sentence.synced', { n: proxies.length })
  const problems = parts.map((state) => t(`proxies.sentence.${state}`, { n: count(state) })).join(', ')
  return t('proxies.sentence', { n: proxies.length, problems })
}

function useColumns(): Column<MeshProxy>[] {
  const t = useText()
  return [
    {
      key: 'name',
      header: t('table.proxy'),
      cell: ({ id, name }) => (
        <Link to="/proxies/$id" params={{ id }}>
          {name}
        </Link>
      ),
      sort: (proxy) => proxy.name,
    },
    {
      key: 'state',
      header: t('table.sync'),
      cell: ({ sync }) => <SyncMark state={sync.state} />,
      sort: ({ sync }) => STATES.indexOf(sync.state),
    },
    { key: 'reason', header: t('table.why'), cell: ({ sync }) => <Why sync={sync} />, wideOnly: true },
    {
      key: 'service',
      header: t('table.service'),
      cell: ({ service, service_version: version }) => (version ? `${service} ${version}` : service),
      sort: (proxy) => proxy.service,
      long: true,
    },
    {
      key: 'revision',
      header: t('proxies.revision'),
      cell: ({ sync }) => `${sync.applied_revision ?? NONE} / ${sync.desired_revision ?? NONE}`,
      numeric: true,
    },
    {
      key: 'rps',
      header: t('number.rate'),
      cell: ({ load }) => formatRate(load?.rps),
      sort: ({ load }) => load?.rps ?? null,
      numeric: true,
    },
    {
      key: 'connections',
      header: t('proxies.connections'),
      cell: ({ load }) => formatCount(load?.connections),
      sort: ({ load }) => load?.connections ?? null,
      numeric: true,
      wideOnly: true,
    },
    {
      key: 'memory',
      header: t('proxies.memory'),
      cell: ({ load }) => formatBytes(load?.rss_bytes),
      sort: ({ load }) => load?.rss_bytes ?? null,
      numeric: true,
      wideOnly: true,
    },
    {
      key: 'seen',
      header: t('table.lastSeen'),
      cell: (proxy) => <Time at={proxy.last_seen_at} />,
      numeric: true,
    },
  ]
}

/** The first reason a proxy is not in sync. */
function Why({ sync }: { sync: MeshProxy['sync'] }) {
  const t = useText()
  const refused = sync.refused[0]
  if (refused) {
    return (
      <span className="text-failing">
        {refused.resource}: {refused.error} (<Time at={refused.since} />)
      </span>
    )
  }
  if (sync.waiting.length > 0) return <span>{t('proxies.waiting', { n: sync.waiting.length })}</span>
  return <span>{NONE}</span>
}
