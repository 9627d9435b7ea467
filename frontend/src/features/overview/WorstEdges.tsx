/** The edges that are worst, each with how badly, since when, after what, and where to go on. */
import './texts'
import './overview.css'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { Change, WorstEdge } from '@/api/types'
import { type Column, DataTable } from '@/ui/DataTable'
import { formatClock, formatFactor, formatMs, formatRate, formatShare, NONE } from '@/ui/format'
import { HealthMark } from '@/ui/Mark'
import { useText } from '@/ui/useText'

type WorstEdgesProps = {
  edges: readonly WorstEdge[]
  /** What can be done about a change. */
  undo: (change: Change) => ReactNode
}

/** How much slower than an hour ago is worth a mark: so many times, and so many milliseconds. */
const SLOWER = 1.5
const SLOWER_MS = 20
/** A burn that uses up a month's budget within two days. */
const FAST_BURN = 14.4

export function WorstEdges({ edges, undo }: WorstEdgesProps) {
  const t = useText()
  const columns: Column<WorstEdge>[] = [
    {
      key: 'edge',
      header: t('table.edge'),
      cell: (row) => <EdgeName row={row} />,
    },
    { key: 'health', header: t('table.health'), cell: ({ edge }) => <HealthMark health={edge.health} /> },
    { key: 'rps', header: t('number.rate'), cell: ({ edge }) => formatRate(edge.rps), numeric: true },
    {
      key: 'errors',
      header: t('number.errors'),
      cell: ({ edge }) => formatShare(edge.error_rate),
      numeric: true,
    },
    {
      key: 'burn',
      header: t('overview.burn'),
      cell: ({ burn }) => (
        <span title={t('overview.burn.title')} className={burnClass(burn)}>
          {burn === null ? NONE : formatFactor(burn)}
        </span>
      ),
      numeric: true,
    },
    { key: 'p99', header: 'p99', cell: ({ edge }) => formatMs(edge.p99_ms), numeric: true },
    {
      key: 'then',
      header: t('overview.p99'),
      cell: (row) => <Slower row={row} />,
      numeric: true,
    },
    {
      key: 'since',
      header: t('overview.since'),
      cell: ({ since }) => (since ? formatClock(since) : NONE),
      numeric: true,
    },
    {
      key: 'change',
      header: t('overview.change'),
      cell: ({ change }) =>
        change ? (
          <span className="worst-change">
            <Link to="/changes/$id" params={{ id: String(change.id) }} title={change.summary}>
              #{change.id} {change.actor}
            </Link>
            {undo(change)}
          </span>
        ) : (
          NONE
        ),
      long: true,
    },
    { key: 'go', header: t('overview.goTo'), cell: (row) => <GoOn row={row} />, long: true },
  ]
  return (
    <DataTable
      label={t('overview.worst')}
      columns={columns}
      rows={[...edges]}
      rowKey={({ edge }) => edge.id}
    />
  )
}

/** Leads to the graph around the edge, with the edge selected. */
function EdgeName({ row: { edge, because } }: { row: WorstEdge }) {
  const t = useText()
  const [source = '', target = ''] = because?.split('->') ?? []
  return (
    <span className="worst-name">
      <Link to="/topology" search={{ sel: edge.id, focus: edge.target, hops: '1' } as never}>
        {edge.source} → {edge.target}
      </Link>
      {because && <span className="muted">{t('overview.because', { source, target })}</span>}
    </span>
  )
}

function Slower({ row: { edge, p99_change: change, p99_then_ms: then } }: { row: WorstEdge }) {
  if (then === null) return NONE
  const isSlower = change !== null && change >= SLOWER && (edge.p99_ms ?? 0) - then >= SLOWER_MS
  return (
    <span className={isSlower ? 'text-degraded' : 'muted'}>
      {formatMs(then)}
      {change !== null && ` · ${formatFactor(change)}`}
    </span>
  )
}

function burnClass(burn: number | null): string | undefined {
  if (burn === null || burn < 1) return 'muted'
  return burn >= FAST_BURN ? 'text-failing' : 'text-degraded'
}

function GoOn({ row: { edge } }: { row: WorstEdge }) {
  const t = useText()
  const [namespace = '', name = ''] = edge.target.split('/')
  return (
    <span className="worst-go">
      <Link to="/traces" search={{ edge: edge.id } as never}>
        {t('overview.go.traces')}
      </Link>
      {name && (
        <>
          <Link to="/services/$namespace/$name" params={{ namespace, name }}>
            {t('overview.go.series')}
          </Link>
          <Link to="/changes" search={{ object: `service:${edge.target}` } as never}>
            {t('overview.go.changes')}
          </Link>
        </>
      )}
    </span>
  )
}
