import { Link } from '@tanstack/react-router'
import type { TraceSummary } from '@/api/types'
import { type Column, DataTable } from '@/ui/DataTable'
import { formatCount, formatMs, NONE } from '@/ui/format'
import { ToneMark } from '@/ui/Mark'
import { Time } from '@/ui/Time'
import { useText } from '@/ui/useText'

/** How many services a row names. */
const NAMED = 3

/** Traces as they were found; durations as bars too, to be compared at a glance. */
export function TraceTable({ traces }: { traces: TraceSummary[] }) {
  const t = useText()
  const slowest = Math.max(...traces.map(({ duration_ms }) => duration_ms))
  const columns: Column<TraceSummary>[] = [
    {
      key: 'trace',
      header: t('traces.trace'),
      cell: ({ trace_id, root }) => (
        <Link to="/traces/$id" params={{ id: trace_id }}>
          <strong>{root.service}</strong> {root.name}
        </Link>
      ),
    },
    {
      key: 'outcome',
      header: t('traces.outcome'),
      cell: (trace) => <Outcome trace={trace} />,
    },
    {
      key: 'duration',
      header: t('traces.duration'),
      cell: ({ duration_ms }) => (
        <span className="traces-duration">
          <span className="traces-bar" aria-hidden="true">
            <span style={{ width: `${(100 * duration_ms) / (slowest || 1)}%` }} />
          </span>
          <span className="traces-number">{formatMs(duration_ms)}</span>
        </span>
      ),
      numeric: true,
    },
    {
      key: 'spans',
      header: t('traces.spans'),
      cell: ({ spans }) => formatCount(spans),
      numeric: true,
      wideOnly: true,
    },
    {
      key: 'services',
      header: t('traces.services'),
      cell: ({ services }) => <Services services={services} />,
      long: true,
    },
    { key: 'start', header: t('traces.start'), cell: ({ start }) => <Time at={start} />, numeric: true },
  ]
  return (
    <DataTable label={t('nav.traces')} columns={columns} rows={traces} rowKey={({ trace_id }) => trace_id} />
  )
}

/** What the caller got, and whether anything below it went wrong. */
function Outcome({ trace: { root, errors } }: { trace: TraceSummary }) {
  const t = useText()
  const code = root.code === null ? NONE : String(root.code)
  if (errors === 0) return <span className="muted">{code}</span>
  return (
    <ToneMark tone="failing" label={t('traces.errors', { code, n: errors, count: formatCount(errors) })} />
  )
}

function Services({ services }: { services: TraceSummary['services'] }) {
  const t = useText()
  const first = services.slice(0, NAMED)
  return (
    <span>
      {first.map(({ name, errors }, index) => (
        <span key={name} className={errors ? 'text-failing' : 'muted'}>
          {index > 0 && ', '}
          {name}
        </span>
      ))}
      {services.length > NAMED && (
        <span className="muted">, {t('ack.more', { n: services.length - NAMED })}</span>
      )}
    </span>
  )
}
