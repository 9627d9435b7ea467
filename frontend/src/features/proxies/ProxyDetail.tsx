import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { queries } from '@/api/queries'
import { useMay } from '@/api/session'
import type { MeshProxy, ProxyConfig } from '@/api/types'
import { useProxiesLive } from '@/api/useLive'
import { CopyText } from '@/ui/CopyText'
import { type Column, DataTable } from '@/ui/DataTable'
import { formatBytes, formatCount, formatRate, NONE } from '@/ui/format'
import { SyncMark, ToneMark } from '@/ui/Mark'
import { Facts, PageBody, PageHead, Panel } from '@/ui/Panel'
import { BlockSkeleton, EmptyState, Loaded } from '@/ui/States'
import { Time } from '@/ui/Time'
import { useText } from '@/ui/useText'
import { useUrlState } from '@/ui/useUrlState'
import { EvictProxy } from './EvictProxy'

const DEFAULTS = { resource: '' }

export function ProxyDetail({ id }: { id: string }) {
  const t = useText()
  const single = useQuery(queries.proxy(id))
  const listed = useProxiesLive().data?.find((proxy) => proxy.id === id)
  const query = { ...single, data: listed ?? single.data }
  return (
    <PageBody>
      <Loaded query={query} source={t('source.proxy', { id })} skeleton={<BlockSkeleton height={320} />}>
        {(proxy) => (
          <>
            <ProxyFacts proxy={proxy} />
            <ProxyResources proxy={proxy} />
          </>
        )}
      </Loaded>
    </PageBody>
  )
}

function ProxyFacts({ proxy }: { proxy: MeshProxy }) {
  const t = useText()
  const { sync, load } = proxy
  const [namespace = '', name = ''] = proxy.service.split('/')
  const mayEvict = useMay('security.write', namespace)
  const service = (
    <Link to="/services/$namespace/$name" params={{ namespace, name }}>
      {proxy.service} {proxy.service_version}
    </Link>
  )
  return (
    <>
      <PageHead
        sentence={
          <SyncMark
            state={sync.state}
            label={t(`proxy.sentence.${sync.state}`, {
              name: proxy.name,
              revision: sync.applied_revision ?? NONE,
              desired: sync.desired_revision ?? NONE,
            })}
          />
        }
        actions={mayEvict && <EvictProxy proxy={proxy} />}
      />
      {sync.refused.map((refused) => (
        <p key={refused.resource} className="error-state">
          <span>
            {t('proxy.refused', { resource: refused.resource })} <Time at={refused.since} />
          </span>
          <strong>{refused.error}</strong>
          <span className="muted">{t('proxy.refused.keeps')}</span>
        </p>
      ))}
      <Panel>
        <Facts
          items={[
            [t('table.service'), proxy.kind === 'gateway' ? proxy.service : service],
            [t('proxy.kind'), t(`proxy.kind.${proxy.kind}`)],
            [t('table.address'), <CopyText key="a" value={proxy.address} />],
            [t('proxy.admin'), <CopyText key="m" value={proxy.admin} />],
            [t('proxy.identity'), <CopyText key="i" value={proxy.identity} />],
            [t('proxy.certificate'), <Time key="c" at={proxy.certificate_not_after} />],
            [t('proxy.version'), proxy.proxy_version],
            [t('proxy.joined'), <Time key="j" at={proxy.joined_at} />],
            [t('table.lastSeen'), <Time key="s" at={proxy.last_seen_at} />],
            [t('number.rate'), formatRate(load?.rps)],
            [t('proxies.connections'), formatCount(load?.connections)],
            [t('proxies.memory'), formatBytes(load?.rss_bytes)],
          ]}
        />
      </Panel>
    </>
  )
}

type ResourceRow = {
  resource: string
  desired: ProxyConfig['desired'][number] | undefined
  applied: ProxyConfig['applied'][number] | undefined
}

export function pairResources({ desired, applied }: ProxyConfig): ResourceRow[] {
  const names = [...new Set([...desired, ...applied].map(({ resource }) => resource))].sort()
  return names.map((resource) => ({
    resource,
    desired: desired.find((each) => each.resource === resource),
    applied: applied.find((each) => each.resource === resource),
  }))
}

function ProxyResources({ proxy }: { proxy: MeshProxy }) {
  const t = useText()
  const query = useQuery({ ...queries.proxyConfig(proxy.id), refetchInterval: 5000 })
  return (
    <Panel title={t('proxy.resources')} flush>
      <Loaded query={query} source={t('source.proxyConfig')}>
        {(config) => <ResourceTable rows={pairResources(config)} />}
      </Loaded>
    </Panel>
  )
}

function ResourceTable({ rows }: { rows: ResourceRow[] }) {
  const t = useText()
  const [{ resource: open }, set] = useUrlState(DEFAULTS)
  const shown = rows.find(({ resource }) => resource === open)
  const runs = shown?.applied?.version === shown?.desired?.version
  const title = t(runs ? 'proxy.effective' : 'proxy.notEffective', { resource: open })
  const columns: Column<ResourceRow>[] = [
    {
      key: 'resource',
      header: t('proxy.resource'),
      cell: ({ resource }) => (
        <button
          type="button"
          className="link-button"
          aria-expanded={resource === open}
          onClick={() => set({ resource: resource === open ? '' : resource })}
        >
          {resource}
        </button>
      ),
    },
    { key: 'state', header: t('table.state'), cell: (row) => <ResourceState row={row} /> },
    {
      key: 'desired',
      header: t('proxy.desired'),
      cell: ({ desired }) => <VersionCell of={desired} />,
      numeric: true,
    },
    {
      key: 'applied',
      header: t('proxy.applied'),
      cell: ({ applied }) => <VersionCell of={applied} />,
      numeric: true,
    },
    { key: 'at', header: t('proxy.since'), cell: ({ applied }) => <Time at={applied?.at} />, numeric: true },
  ]
  if (rows.length === 0)
    return <EmptyState title={t('proxy.resources.empty')} next={t('proxy.resources.empty.next')} />
  return (
    <>
      <DataTable
        label={t('proxy.resources')}
        columns={columns}
        rows={rows}
        rowKey={(row) => row.resource}
        selected={open}
      />
      {shown?.desired && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
        <section className="config" aria-label={title} tabIndex={0}>
          <h3>{title}</h3>
          <pre className="code-block">{JSON.stringify(shown.desired.body, null, 2)}</pre>
        </section>
      )}
    </>
  )
}

function VersionCell({ of }: { of: { revision: number | null; version: string } | undefined }) {
  if (!of) return <span>{NONE}</span>
  return (
    <span title={of.version}>
      {of.revision ?? NONE} <code className="muted">{of.version.slice(0, 8)}</code>
    </span>
  )
}

function ResourceState({ row: { desired, applied } }: { row: ResourceRow }) {
  const t = useText()
  if (applied?.status === 'nack') {
    return (
      <span>
        <ToneMark tone="failing" label={t('sync.refused')} />{' '}
        <span className="text-failing">{applied?.error}</span>
      </span>
    )
  }
  if (desired && applied?.version === desired.version)
    return <ToneMark tone="healthy" label={t('proxy.applied')} />
  return <ToneMark tone="progress" label={t('proxy.pending')} />
}
