import './texts'
import './services.css'
import { Select, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { type ReactNode, useMemo } from 'react'
import { useFrame } from '@/api/freshness'
import { incidentQueries } from '@/api/incidents'
import { queries } from '@/api/queries'
import type { GraphNode, Service, Sparklines } from '@/api/types'
import { useGraph } from '@/api/useLive'
import { type Column, DataTable } from '@/ui/DataTable'
import { formatMs, formatRate, formatShare, formatWeight } from '@/ui/format'
import { HealthMark } from '@/ui/Mark'
import { PageBody, PageHead, Panel } from '@/ui/Panel'
import { EmptyState, Loaded } from '@/ui/States'
import { parseSort, sortText } from '@/ui/urlSort'
import { useText } from '@/ui/useText'
import { useUrlState } from '@/ui/useUrlState'
import { Sparkline } from './Sparkline'

const DEFAULTS = { namespace: '', search: '', sort: 'service' }
const GRAPH = { window: '60s', by: 'service' } as const

const NO_SERVICES: Service[] = []

type Row = Service & { node: GraphNode | undefined; line: Sparklines['services'][string] | undefined }

/** The services; `children` are the panels below. */
export function ServiceList({ actions, children }: { actions?: ReactNode; children?: ReactNode }) {
  const t = useText()
  const [state, set] = useUrlState(DEFAULTS)
  const query = useQuery(queries.services())
  const graph = useGraph(GRAPH)
  const lines = useQuery(incidentQueries.sparklines()).data?.services
  useFrame(graph.data?.age_s, graph.dataUpdatedAt)
  const columns = useColumns()
  const all = query.data ?? NO_SERVICES
  const rows = useMemo(() => {
    const nodes = new Map(graph.data?.nodes.map((node) => [node.id, node]))
    return all.map((service) => ({ ...service, node: nodes.get(service.id), line: lines?.[service.id] }))
  }, [all, graph.data, lines])
  const shown = rows.filter(
    (row) =>
      (!state.namespace || row.namespace === state.namespace) && row.id.includes(state.search.toLowerCase()),
  )
  const unhealthy = rows.filter(
    ({ node }) => node?.health === 'failing' || node?.health === 'degraded',
  ).length
  return (
    <PageBody>
      <PageHead
        sentence={
          unhealthy > 0
            ? t('services.sentence.unhealthy', { n: unhealthy, all: all.length })
            : t('services.sentence', { n: all.length })
        }
        actions={actions}
      />
      <Panel flush>
        <div className="filters">
          <TextInput
            size="xs"
            aria-label={t('services.search')}
            placeholder={t('services.search')}
            value={state.search}
            onChange={(event) => set({ search: event.currentTarget.value })}
          />
          <Select
            size="xs"
            aria-label={t('filter.namespace')}
            placeholder={t('topology.namespaces.all')}
            value={state.namespace || null}
            onChange={(namespace) => set({ namespace: namespace ?? '' })}
            data={[...new Set(all.map((service) => service.namespace))].sort()}
            clearable
          />
        </div>
        <Loaded query={query} source={t('source.services')}>
          {() =>
            shown.length === 0 ? (
              <EmptyState
                title={all.length === 0 ? t('services.empty') : t('filter.nothing')}
                next={all.length === 0 ? t('services.empty.next') : t('filter.nothing.next')}
              />
            ) : (
              <DataTable
                label={t('nav.services')}
                columns={columns}
                rows={shown}
                rowKey={(row) => row.id}
                sort={parseSort(state.sort)}
                onSort={(sort) => set({ sort: sortText(sort) })}
              />
            )
          }
        </Loaded>
      </Panel>
      {children}
    </PageBody>
  )
}

function useColumns(): Column<Row>[] {
  const t = useText()
  return [
    {
      key: 'service',
      header: t('table.service'),
      cell: ({ id, namespace, name }) => (
        <Link to="/services/$namespace/$name" params={{ namespace, name }}>
          {id}
        </Link>
      ),
      sort: (row) => row.id,
    },
    {
      key: 'health',
      header: t('table.health'),
      cell: ({ node }) => <HealthMark health={node?.health ?? 'idle'} />,
      sort: ({ node }) =>
        ['idle', 'unknown', 'healthy', 'degraded', 'failing'].indexOf(node?.health ?? 'idle'),
    },
    {
      key: 'split',
      header: t('table.split'),
      cell: ({ split }) =>
        Object.entries(split)
          .map(([version, weight]) => `${version} ${formatWeight(weight)}`)
          .join(' · '),
    },
    {
      key: 'instances',
      header: t('service.instances'),
      cell: ({ healthy, instances }) => t('service.healthyOf', { healthy, all: instances }),
      sort: (row) => row.healthy - row.instances,
      numeric: true,
      wideOnly: true,
    },
    {
      key: 'rps',
      header: t('number.rate'),
      cell: ({ node }) => formatRate(node?.rps_in),
      sort: ({ node }) => node?.rps_in ?? null,
      numeric: true,
    },
    {
      key: 'line',
      header: t('services.sparkline'),
      cell: ({ id, line }) => <Sparkline service={id} line={line} />,
      wideOnly: true,
    },
    {
      key: 'errors',
      header: t('number.errors'),
      cell: ({ node }) => formatShare(node?.error_rate),
      sort: ({ node }) => node?.error_rate ?? null,
      numeric: true,
    },
    {
      key: 'p50',
      header: 'p50',
      cell: ({ node }) => formatMs(node?.p50_ms),
      sort: ({ node }) => node?.p50_ms ?? null,
      numeric: true,
      wideOnly: true,
    },
    {
      key: 'p99',
      header: 'p99',
      cell: ({ node }) => formatMs(node?.p99_ms),
      sort: ({ node }) => node?.p99_ms ?? null,
      numeric: true,
    },
  ]
}
