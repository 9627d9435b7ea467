/** What policies decided lately. */
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { securityQueries } from '@/api/security'
import type { PolicyUse } from '@/api/types'
import { type Column, DataTable } from '@/ui/DataTable'
import { formatCount } from '@/ui/format'
import { Panel } from '@/ui/Panel'
import { Loaded, TableSkeleton } from '@/ui/States'
import { useText } from '@/ui/useText'

export const USAGE_WINDOW = '15m'

export type Counts = Pick<PolicyUse, 'allowed' | 'denied' | 'shadow_denied' | 'shadow_allowed' | 'failed'>

/** Summed over the services that a policy is for. */
export function countsByPolicy(uses: readonly PolicyUse[]): Map<string, Counts> {
  const sums = new Map<string, Counts>()
  for (const { policy, allowed, denied, shadow_denied, shadow_allowed, failed } of uses) {
    const sum = sums.get(policy) ?? { allowed: 0, denied: 0, shadow_denied: 0, shadow_allowed: 0, failed: 0 }
    sums.set(policy, {
      allowed: sum.allowed + allowed,
      denied: sum.denied + denied,
      shadow_denied: sum.shadow_denied + shadow_denied,
      shadow_allowed: sum.shadow_allowed + shadow_allowed,
      failed: sum.failed + failed,
    })
  }
  return sums
}

export function UsagePanel({ policy }: { policy: string }) {
  const t = useText()
  const query = useQuery(securityQueries.usage(USAGE_WINDOW))
  return (
    <Panel title={t('sec.usage.title')} flush>
      <Loaded query={query} source={t('sec.source.usage')} skeleton={<TableSkeleton rows={2} />}>
        {({ policies }) => {
          const own = policies.filter((use) => use.policy === policy)
          return own.length ? (
            <UsageTable uses={own} />
          ) : (
            <p className="sec-note muted">{t('sec.usage.none')}</p>
          )
        }}
      </Loaded>
    </Panel>
  )
}

function UsageTable({ uses }: { uses: PolicyUse[] }) {
  const t = useText()
  const columns: Column<PolicyUse>[] = [
    { key: 'service', header: t('table.service'), cell: ({ service }) => <ServiceLink service={service} /> },
    ...countColumns<PolicyUse>(t, (use) => use),
    ...(uses.some(({ failed }) => failed > 0)
      ? [
          {
            key: 'failed',
            header: t('sec.usage.failed'),
            cell: ({ failed }: PolicyUse) => <span className="text-failing">{formatCount(failed)}</span>,
            numeric: true,
          },
        ]
      : []),
  ]
  return (
    <DataTable label={t('sec.usage.title')} columns={columns} rows={uses} rowKey={({ service }) => service} />
  )
}

/** The four counts of whatever has them; what is not zero among the denied stands out. */
export function countColumns<R>(
  t: ReturnType<typeof useText>,
  of: (row: R) => Counts | undefined,
): Column<R>[] {
  const column = (name: keyof Counts, loud: string): Column<R> => ({
    key: name,
    header: t(`sec.usage.${name}`),
    numeric: true,
    sort: (row) => of(row)?.[name] ?? 0,
    cell: (row) => {
      const count = of(row)?.[name] ?? 0
      return <span className={count ? loud : 'muted'}>{formatCount(count)}</span>
    },
  })
  return [
    column('allowed', ''),
    column('denied', 'text-failing'),
    column('shadow_denied', 'text-degraded'),
    column('shadow_allowed', 'text-degraded'),
  ]
}

export function ServiceLink({ service }: { service: string }) {
  const [namespace = '', name = ''] = service.split('/')
  return (
    <Link to="/services/$namespace/$name" params={{ namespace, name }}>
      {service}
    </Link>
  )
}
