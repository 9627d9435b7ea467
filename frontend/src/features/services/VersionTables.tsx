import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { queries } from '@/api/queries'
import type { Instance, Service, ServiceTraffic, ServiceVersion } from '@/api/types'
import { CopyText } from '@/ui/CopyText'
import { type Column, DataTable } from '@/ui/DataTable'
import { formatMs, formatRate, formatShare, formatWeight, NONE } from '@/ui/format'
import { ToneMark } from '@/ui/Mark'
import { Panel } from '@/ui/Panel'
import { EmptyState, Loaded } from '@/ui/States'
import { Time } from '@/ui/Time'
import { useText } from '@/ui/useText'

export function VersionsPanel({
  service,
  traffic,
  actions,
}: {
  service: Service
  traffic: ServiceTraffic | undefined
  actions?: ReactNode
}) {
  const t = useText()
  const seen = (version: string) => traffic?.versions[version]
  const columns: Column<ServiceVersion>[] = [
    { key: 'name', header: t('table.version'), cell: (row) => row.name },
    { key: 'weight', header: t('split.desired'), cell: (row) => formatWeight(row.weight), numeric: true },
    {
      key: 'share',
      header: t('split.observed'),
      cell: (row) => formatShare(seen(row.name)?.share),
      numeric: true,
    },
    { key: 'rps', header: t('number.rate'), cell: (row) => formatRate(seen(row.name)?.rps), numeric: true },
    {
      key: 'errors',
      header: t('number.errors'),
      cell: (row) => formatShare(seen(row.name)?.error_rate),
      numeric: true,
    },
    {
      key: 'p50',
      header: 'p50',
      cell: (row) => formatMs(seen(row.name)?.p50_ms),
      numeric: true,
      wideOnly: true,
    },
    { key: 'p99', header: 'p99', cell: (row) => formatMs(seen(row.name)?.p99_ms), numeric: true },
    {
      key: 'instances',
      header: t('service.instances'),
      cell: (row) => t('service.healthyOf', { healthy: row.healthy, all: row.instances }),
      numeric: true,
    },
  ]
  return (
    <Panel title={t('service.versions')} aside={actions} flush>
      <DataTable
        label={t('service.versions')}
        columns={columns}
        rows={service.versions}
        rowKey={(row) => row.name}
      />
    </Panel>
  )
}

export function InstancesPanel({ service }: { service: string }) {
  const t = useText()
  const query = useQuery({ ...queries.instances(service), refetchInterval: 5000 })
  return (
    <Panel title={t('service.instances')} flush>
      <Loaded query={query} source={t('source.instances')}>
        {(instances) =>
          instances.length === 0 ? (
            <EmptyState title={t('service.instances.empty')} next={t('service.instances.empty.next')} />
          ) : (
            <InstanceTable instances={instances} />
          )
        }
      </Loaded>
    </Panel>
  )
}

function InstanceTable({ instances }: { instances: Instance[] }) {
  const t = useText()
  const columns: Column<Instance>[] = [
    {
      key: 'address',
      header: t('table.address'),
      cell: (row) => <CopyText value={`${row.address}:${row.port}`} />,
    },
    { key: 'version', header: t('table.version'), cell: (row) => row.version },
    { key: 'state', header: t('table.state'), cell: (row) => <InstanceState instance={row} /> },
    {
      key: 'proxy',
      header: t('table.proxy'),
      cell: (row) =>
        row.proxy ? (
          <Link to="/proxies/$id" params={{ id: row.proxy }}>
            {t('service.instance.proxy')}
          </Link>
        ) : (
          NONE
        ),
    },
    { key: 'id', header: t('table.id'), cell: (row) => <code>{row.id}</code>, wideOnly: true },
    {
      key: 'seen',
      header: t('table.lastSeen'),
      cell: (row) => <Time at={row.last_seen_at} />,
      numeric: true,
    },
  ]
  return (
    <DataTable label={t('service.instances')} columns={columns} rows={instances} rowKey={(row) => row.id} />
  )
}

function InstanceState({ instance: { healthy, draining, status } }: { instance: Instance }) {
  const t = useText()
  if (draining) return <ToneMark tone="progress" label={t('instance.draining')} />
  if (healthy) return <ToneMark tone="healthy" label={t('instance.passing')} />
  return (
    <ToneMark
      tone="failing"
      label={status === 'critical' ? t('instance.critical') : t('instance.unhealthy')}
    />
  )
}
