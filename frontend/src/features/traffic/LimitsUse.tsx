import { useQuery } from '@tanstack/react-query'
import { body, client } from '@/api/client'
import { servicePath } from '@/api/queries'
import type { LimitUsage } from '@/api/types'
import { type Column, DataTable } from '@/ui/DataTable'
import { formatCount, formatRate, formatShare } from '@/ui/format'
import { useText } from '@/ui/useText'
import { writePer } from './draft/duration'

const REFRESH_MS = 5000

/** How much of each limit is used, and what it turned away, over the last minutes. */
export function LimitsUse({ service }: { service: string }) {
  const t = useText()
  const query = useQuery({
    queryKey: ['service', service, 'limits-usage'],
    queryFn: () =>
      body(
        client.GET('/api/v1/services/{ns}/{name}/limits/usage/', {
          params: { path: servicePath(service), query: { window: '5m' } },
        }),
      ),
    refetchInterval: REFRESH_MS,
  })
  const limits = query.data?.limits ?? []
  if (!limits.length) return null
  const columns: Column<LimitUsage>[] = [
    {
      key: 'name',
      header: t('limit.name'),
      cell: ({ name, route }) => (
        <>
          {name} <span className="muted">{route ? t('usage.route', { route }) : t('usage.service')}</span>
        </>
      ),
    },
    {
      key: 'limit',
      header: t('usage.limit'),
      cell: ({ requests, per_ms, scope }) =>
        t(scope === 'global' ? 'words.limit.global' : 'words.limit', {
          requests,
          time: writePer(per_ms),
        }),
    },
    { key: 'rate', header: t('number.rate'), cell: ({ rate_rps }) => formatRate(rate_rps), numeric: true },
    {
      key: 'used',
      header: t('usage.used'),
      cell: ({ share_of_limit: share, name }) =>
        share === null ? (
          <span className="muted">{t('usage.perKey')}</span>
        ) : (
          <span className="usage">
            <meter min={0} max={1} high={0.8} value={Math.min(1, share)} aria-label={name} />
            {formatShare(share)}
          </span>
        ),
      numeric: true,
    },
    {
      key: 'limited',
      header: t('usage.limited'),
      cell: ({ limited }) => (
        <span className={limited ? 'text-degraded' : undefined}>{formatCount(limited)}</span>
      ),
      numeric: true,
    },
    {
      key: 'series',
      header: t('usage.series'),
      cell: ({ series }) => <Bars series={series} />,
      wideOnly: true,
    },
  ]
  return (
    <DataTable
      label={t('usage.title')}
      columns={columns}
      rows={limits}
      rowKey={({ name, route }) => `${route ?? ''} ${name}`}
    />
  )
}

const BAR = 3
const HEIGHT = 20

/** Allowed and limited requests over time; the table beside has the numbers. */
function Bars({ series }: Pick<LimitUsage, 'series'>) {
  const top = Math.max(1, ...series.map(({ allowed, limited }) => allowed + limited))
  return (
    <svg className="usage-bars" width={series.length * BAR} height={HEIGHT} aria-hidden="true">
      {series.map(({ at, allowed, limited }, index) => {
        const [low, high] = [(allowed / top) * HEIGHT, (limited / top) * HEIGHT]
        return (
          <g key={at} transform={`translate(${index * BAR} 0)`}>
            <rect className="usage-allowed" width={BAR - 1} height={low} y={HEIGHT - low} />
            <rect className="usage-limited" width={BAR - 1} height={high} y={HEIGHT - low - high} />
          </g>
        )
      })}
    </svg>
  )
}
