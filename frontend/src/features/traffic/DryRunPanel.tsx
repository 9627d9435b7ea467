import { useQuery } from '@tanstack/react-query'
import { body, client } from '@/api/client'
import { servicePath } from '@/api/queries'
import type { DryRun, DryRunRow, Fate } from '@/api/types'
import { type Column, DataTable } from '@/ui/DataTable'
import { formatCount, formatShare } from '@/ui/format'
import { BlockSkeleton, Loaded } from '@/ui/States'
import { useText } from '@/ui/useText'
import type { Rules } from './draft/rules'

const WINDOW = '1h'

type DryRunPanelProps = {
  service: string
  routes: Rules['routes'] | undefined
  split: Rules['split'] | undefined
}

/** What the draft would have done with the requests of the last hour. */
export function DryRunPanel({ service, routes, split }: DryRunPanelProps) {
  const t = useText()
  const draft = { routes: routes ?? null, split: split ?? null }
  const query = useQuery({
    queryKey: ['dry-run-traffic', service, draft],
    queryFn: () =>
      body(
        client.POST('/api/v1/services/{ns}/{name}/dry-run/', {
          params: { path: servicePath(service) },
          body: { draft, window: WINDOW },
        }),
      ),
    retry: false,
    staleTime: 60_000,
  })
  return (
    <section className="dry-run" aria-label={t('dryRun.title')}>
      <h4>{t('dryRun.title')}</h4>
      <Loaded query={query} source={t('dryRun.title')} skeleton={<BlockSkeleton height={72} />}>
        {(tried) => <Result tried={tried} />}
      </Loaded>
    </section>
  )
}

function Result({ tried }: { tried: DryRun }) {
  const t = useText()
  const { requests, sampled, changed, unjudged, untold, rows } = tried
  if (!requests) return <p className="muted">{t('dryRun.none')}</p>
  const moved = rows.filter((row) => row.changed)
  return (
    <>
      <p>
        {t('dryRun.sentence', {
          changed: formatCount(changed),
          share: formatShare(changed / requests),
          all: formatCount(requests),
          sampled: formatCount(sampled),
        })}
      </p>
      {unjudged > 0 && (
        <p className="notice notice-degraded">
          {t('dryRun.unjudged', { count: formatCount(unjudged), n: unjudged, fields: untold.join(', ') })}
        </p>
      )}
      {moved.length > 0 && <Rows rows={moved} />}
    </>
  )
}

function Rows({ rows }: { rows: DryRunRow[] }) {
  const t = useText()
  const columns: Column<DryRunRow>[] = [
    { key: 'source', header: t('try.source'), cell: ({ source }) => source },
    {
      key: 'request',
      header: t('dryRun.request'),
      cell: ({ method, path }) => <code>{`${method} ${path}`}</code>,
      long: true,
    },
    { key: 'now', header: t('try.now'), cell: ({ now }) => fateWords(now, t), long: true },
    { key: 'draft', header: t('try.draft'), cell: ({ draft }) => fateWords(draft, t), long: true },
    {
      key: 'requests',
      header: t('limit.requests'),
      cell: ({ requests }) => formatCount(requests),
      numeric: true,
    },
  ]
  return (
    <DataTable
      label={t('dryRun.title')}
      columns={columns}
      rows={rows}
      rowKey={({ source, method, path }) => `${source} ${method} ${path}`}
    />
  )
}

function fateWords({ route, answer, status, shares }: Fate, t: ReturnType<typeof useText>): string {
  if (answer === 'refused') return t('dryRun.refused', { status })
  if (answer !== 'forward') return t(`try.outcome.${answer}`, { status })
  const versions = Object.entries(shares)
    .filter(([, share]) => share > 0)
    .map(([version, share]) => `${version} ${formatShare(share / 100)}`)
  return `${route}: ${versions.join(', ')}`
}
