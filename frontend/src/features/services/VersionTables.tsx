import type { ReactNode } from 'react'
import type { Service, ServiceTraffic, ServiceVersion } from '@/api/types'
import { type Column, DataTable } from '@/ui/DataTable'
import { formatMs, formatRate, formatShare, formatWeight } from '@/ui/format'
import { Panel } from '@/ui/Panel'
import { useText } from '@/ui/useText'

export function VersionsPanel({
  service,
  traffic,
  actions,
  rowActions,
}: {
  service: Service
  traffic: ServiceTraffic | undefined
  actions?: ReactNode
  /** What can be done with one version. */
  rowActions?: (version: ServiceVersion) => ReactNode
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
    ...(rowActions
      ? [
          {
            key: 'actions',
            header: t('table.actions'),
            cell: rowActions,
            numeric: true,
          } satisfies Column<ServiceVersion>,
        ]
      : []),
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
