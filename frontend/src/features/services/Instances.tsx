/** The instances of a service as the registry knows them: how each is checked, what is known of it, and draining. */
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { body, client } from '@/api/client'
import { queries, servicePath } from '@/api/queries'
import type { Instance } from '@/api/types'
import { CopyText } from '@/ui/CopyText'
import { type Column, DataTable } from '@/ui/DataTable'
import { FormDialog } from '@/ui/FormDialog'
import { NONE } from '@/ui/format'
import { ToneMark } from '@/ui/Mark'
import { Panel } from '@/ui/Panel'
import { EmptyState, Loaded } from '@/ui/States'
import { Time } from '@/ui/Time'
import { useText } from '@/ui/useText'

export function InstancesPanel({ service, mayWrite }: { service: string; mayWrite: boolean }) {
  const t = useText()
  const query = useQuery({ ...queries.instances(service), refetchInterval: 5000 })
  return (
    <Panel title={t('service.instances')} flush>
      <Loaded query={query} source={t('source.instances')}>
        {(instances) =>
          instances.length === 0 ? (
            <EmptyState title={t('service.instances.empty')} next={t('service.instances.empty.next')} />
          ) : (
            <InstanceTable service={service} instances={instances} mayWrite={mayWrite} />
          )
        }
      </Loaded>
    </Panel>
  )
}

type TableProps = { service: string; instances: Instance[]; mayWrite: boolean }

function InstanceTable({ service, instances, mayWrite }: TableProps) {
  const t = useText()
  const placed = instances.some(({ weight, locality }) => weight !== 100 || locality)
  const described = instances.some(({ metadata }) => Object.keys(metadata).length > 0)
  const columns: Column<Instance>[] = [
    {
      key: 'address',
      header: t('table.address'),
      cell: (row) => <CopyText value={`${row.address}:${row.port}`} />,
    },
    { key: 'version', header: t('table.version'), cell: (row) => row.version },
    { key: 'state', header: t('table.state'), cell: (row) => <InstanceState instance={row} /> },
    { key: 'check', header: t('instance.check'), cell: (row) => <Check instance={row} />, long: true },
    ...(placed
      ? [
          { key: 'locality', header: t('instance.locality'), cell: (row: Instance) => row.locality || NONE },
          { key: 'weight', header: t('instance.weight'), cell: (row: Instance) => row.weight, numeric: true },
        ]
      : []),
    ...(described
      ? [
          {
            key: 'metadata',
            header: t('instance.metadata'),
            cell: ({ metadata }: Instance) => <Metadata metadata={metadata} />,
            long: true,
          },
        ]
      : []),
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
    ...(mayWrite
      ? [
          {
            key: 'actions',
            header: t('table.actions'),
            cell: (row: Instance) => <Drain service={service} instance={row} />,
            numeric: true,
          },
        ]
      : []),
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

/** How it is checked, what the last check saw, and when. */
function Check({ instance: { check, critical_since: since } }: { instance: Instance }) {
  const t = useText()
  return (
    <>
      {t(`instance.check.${check.kind}`)}
      {check.output && <span className="muted">: {check.output}</span>}
      {check.at && (
        <span className="muted">
          {' '}
          <Time at={check.at} />
        </span>
      )}
      {since && (
        <span className="text-failing">
          {' '}
          {t('instance.criticalSince')} <Time at={since} />
        </span>
      )}
    </>
  )
}

function Metadata({ metadata }: Pick<Instance, 'metadata'>) {
  const entries = Object.entries(metadata)
  if (!entries.length) return NONE
  return <code>{entries.map(([name, value]) => `${name}=${value}`).join(' ')}</code>
}

/** Takes an instance out of the traffic, or lets it back in. */
function Drain({ service, instance }: { service: string; instance: Instance }) {
  const t = useText()
  const cache = useQueryClient()
  const { id, address, port, version, draining } = instance
  const label = t(draining ? 'instance.undrain' : 'instance.drain')
  return (
    <FormDialog
      label={label}
      compact
      title={t(draining ? 'instance.undrain.title' : 'instance.drain.title', {
        address: `${address}:${port}`,
      })}
      apply={(reason) =>
        body(
          client.PUT('/api/v1/services/{ns}/{name}/instances/{instance}/draining/', {
            params: { path: { ...servicePath(service), instance: id } },
            body: { draining: !draining, reason },
          }),
        )
      }
      onDone={() => cache.invalidateQueries({ queryKey: ['service', service] })}
    >
      {() => <p>{t(draining ? 'instance.undrain.after' : 'instance.drain.after', { service, version })}</p>}
    </FormDialog>
  )
}
