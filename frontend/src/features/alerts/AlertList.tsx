/** Alerts of one state, by service or in one table. */
import { Button, Checkbox, TextInput } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useMemo } from 'react'
import { incidentQueries } from '@/api/incidents'
import type { Alert } from '@/api/types'
import { type Column, DataTable } from '@/ui/DataTable'
import { formatSpan } from '@/ui/format'
import { Panel } from '@/ui/Panel'
import { EmptyState, ErrorState, TableSkeleton } from '@/ui/States'
import { Time } from '@/ui/Time'
import { useText } from '@/ui/useText'
import { useUrlState } from '@/ui/useUrlState'
import { AlertLink, ruleWords, SeverityMark, SilencedNote } from './parts'
import { SilenceAlert } from './SilenceDialog'

export type AlertState = 'firing' | 'pending' | 'resolved'
const DEFAULTS = { group: 'service', search: '' }

export function AlertList({ state }: { state: AlertState }) {
  const t = useText()
  const [{ group, search }, set] = useUrlState(DEFAULTS)
  const query = useInfiniteQuery(incidentQueries.list({ state }))
  const all = useMemo(() => query.data?.pages.flatMap(({ results }) => results), [query.data])
  const alerts = all?.filter((alert) => matches(alert, search))
  return (
    <Panel flush>
      <div className="filters">
        <TextInput
          size="xs"
          aria-label={t('filter.search')}
          placeholder={t('filter.search')}
          value={search}
          onChange={(event) => set({ search: event.currentTarget.value })}
        />
        <Checkbox
          size="xs"
          label={t('alerts.group')}
          checked={group === 'service'}
          onChange={(event) => set({ group: event.currentTarget.checked ? 'service' : 'none' })}
        />
      </div>
      {query.error && (
        <ErrorState source={t('source.alerts')} error={query.error} retry={() => query.refetch()} />
      )}
      {!alerts && !query.error && <TableSkeleton />}
      {alerts?.length === 0 && (
        <EmptyState
          title={all?.length ? t('filter.nothing') : t(`alerts.empty.${state}`)}
          next={all?.length ? t('filter.nothing.next') : t(`alerts.empty.${state}.next`)}
        />
      )}
      {alerts && alerts.length > 0 && (
        <Grouped alerts={alerts} state={state} byService={group === 'service'} />
      )}
      {query.hasNextPage && (
        <p className="table-more">
          <Button
            variant="default"
            size="xs"
            loading={query.isFetchingNextPage}
            onClick={() => query.fetchNextPage()}
          >
            {t('alerts.older')}
          </Button>
        </p>
      )}
    </Panel>
  )
}

function matches({ title, detail, object }: Alert, search: string): boolean {
  return `${title} ${detail} ${object}`.toLowerCase().includes(search.toLowerCase())
}

type GroupedProps = { alerts: readonly Alert[]; state: AlertState; byService: boolean }

/** Those of one service are told together, and stand together; the group with the newest alert first. */
function Grouped({ alerts, state, byService }: GroupedProps) {
  const t = useText()
  if (!byService) return <AlertTable label={t('nav.alerts')} alerts={alerts} state={state} />
  const groups = new Map<string, Alert[]>()
  for (const alert of alerts) groups.set(alert.service, [...(groups.get(alert.service) ?? []), alert])
  return [...groups].map(([service, these]) => {
    const [namespace = '', name = ''] = service.split('/')
    return (
      <section key={service} className="alert-group">
        <h2>
          {name ? (
            <Link to="/services/$namespace/$name" params={{ namespace, name }}>
              {service}
            </Link>
          ) : (
            t('alerts.ofMesh')
          )}
          <span className="muted">{these.length}</span>
        </h2>
        <AlertTable label={service || t('alerts.ofMesh')} alerts={these} state={state} />
      </section>
    )
  })
}

type AlertTableProps = { label: string; alerts: readonly Alert[]; state: AlertState }

function AlertTable({ label, alerts, state }: AlertTableProps) {
  const t = useText()
  const over = state === 'resolved'
  const columns: Column<Alert>[] = [
    {
      key: 'alert',
      header: t('alerts.alert'),
      cell: (alert) => (
        <span className="alert-title">
          <AlertLink alert={alert} />
          <span className="muted">{alert.detail}</span>
          <SilencedNote alert={alert} />
        </span>
      ),
    },
    {
      key: 'severity',
      header: t('alerts.severity'),
      cell: ({ severity }) =>
        over ? t(`alerts.severity.${severity}`) : <SeverityMark severity={severity} />,
    },
    { key: 'rule', header: t('alerts.rule'), cell: ({ rule }) => ruleWords(rule, t) },
    { key: 'since', header: t('alerts.since'), cell: ({ since }) => <Time at={since} />, numeric: true },
    ...(over
      ? [{ key: 'lasted', header: t('alerts.lasted'), cell: lasted, numeric: true }]
      : [
          {
            key: 'actions',
            header: t('table.actions'),
            cell: (alert: Alert) => <SilenceAlert alert={alert} />,
            numeric: true,
          },
        ]),
  ]
  return (
    <div className="alert-table">
      <DataTable label={label} columns={columns} rows={[...alerts]} rowKey={({ id }) => id} />
    </div>
  )
}

function lasted({ since, resolved_at: end }: Alert): string {
  return formatSpan(end ? (Date.parse(end) - Date.parse(since)) / 1000 : null)
}
