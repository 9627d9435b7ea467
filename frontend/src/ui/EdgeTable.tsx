/** Edges as a table: the same facts as the graph, for keyboards, screen readers and sorting. */
import type { ReactNode } from 'react'
import type { GraphEdge, Health } from '@/api/types'
import { type Column, DataTable, type Sort } from './DataTable'
import { formatMs, formatRate, formatShare } from './format'
import { HealthMark } from './Mark'
import { useText } from './useText'

const SEVERITY: Record<Health, number> = { failing: 4, degraded: 3, unknown: 2, healthy: 1, idle: 0 }

type EdgeTableProps = {
  label: string
  edges: GraphEdge[]
  name: (edge: GraphEdge) => ReactNode
  nameHeader: string
  sort?: Sort
  onSort?: (sort: Sort) => void
  selected?: string
}

export function EdgeTable({ label, edges, name, nameHeader, sort, onSort, selected }: EdgeTableProps) {
  const t = useText()
  const columns: Column<GraphEdge>[] = [
    { key: 'edge', header: nameHeader, cell: name, sort: (edge) => edge.id },
    {
      key: 'health',
      header: t('table.health'),
      cell: (edge) => <HealthMark health={edge.health} />,
      sort: (edge) => SEVERITY[edge.health],
    },
    {
      key: 'rps',
      header: t('number.rate'),
      cell: (edge) => formatRate(edge.rps),
      sort: (edge) => edge.rps,
      numeric: true,
    },
    {
      key: 'errors',
      header: t('number.errors'),
      cell: (edge) => formatShare(edge.error_rate),
      sort: (edge) => edge.error_rate,
      numeric: true,
    },
    {
      key: 'p50',
      header: 'p50',
      cell: (edge) => formatMs(edge.p50_ms),
      sort: (edge) => edge.p50_ms,
      numeric: true,
      wideOnly: true,
    },
    {
      key: 'p95',
      header: 'p95',
      cell: (edge) => formatMs(edge.p95_ms),
      sort: (edge) => edge.p95_ms,
      numeric: true,
    },
    {
      key: 'p99',
      header: 'p99',
      cell: (edge) => formatMs(edge.p99_ms),
      sort: (edge) => edge.p99_ms,
      numeric: true,
    },
    {
      key: 'mtls',
      header: 'mTLS',
      cell: (edge) => formatShare(edge.secured),
      sort: (edge) => edge.secured,
      numeric: true,
      wideOnly: true,
    },
  ]
  return (
    <DataTable
      label={label}
      columns={columns}
      rows={edges}
      rowKey={(edge) => edge.id}
      sort={sort}
      onSort={onSort}
      selected={selected}
    />
  )
}
