/** One service: its tabs bring together what several features know of it. */
import { Button, Tabs } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import { lazy, Suspense, useMemo } from 'react'
import { useFrame } from '@/api/freshness'
import { queries } from '@/api/queries'
import { useMay } from '@/api/session'
import type { Health, Service, ServiceTraffic } from '@/api/types'
import { useServiceLive } from '@/api/useLive'
import { useOwner } from '@/api/useRollouts'
import { AddVersion } from '@/features/catalog/CreateForms'
import { DeleteService, RemoveVersion } from '@/features/catalog/DeleteForms'
import { ChangesTable } from '@/features/changes/ChangesTable'
import { chartMarks } from '@/features/changes/marks'
import { RolloutBanner, StartRollout } from '@/features/rollouts/RolloutBanner'
import { InstancesPanel } from '@/features/services/Instances'
import { TrafficTab } from '@/features/services/TrafficTab'
import { VersionsPanel } from '@/features/services/VersionTables'
import { SplitEditor } from '@/features/traffic/SplitEditor'
import { worstHealth } from '@/graph/scene'
import { formatRate, formatShare } from '@/ui/format'
import { HealthMark } from '@/ui/Mark'
import { PageBody, PageHead, Panel } from '@/ui/Panel'
import { BlockSkeleton, EmptyState, Loaded } from '@/ui/States'
import { useText } from '@/ui/useText'
import { useUrlState } from '@/ui/useUrlState'

const RoutingWorkspace = lazy(() => import('@/features/traffic/RoutingWorkspace'))
const ServicePolicies = lazy(() => import('@/features/security/ServicePolicies'))
const ServiceObjectives = lazy(() => import('@/features/objectives/ServiceObjectives'))
const DEFAULTS = { tab: 'traffic' }
const TABS = ['traffic', 'split', 'routes', 'policies', 'objectives', 'changes'] as const

export function ServicePage() {
  const t = useText()
  const { namespace = '', name = '' } = useParams({ strict: false })
  const id = `${namespace}/${name}`
  const query = useQuery(queries.service(id))
  return (
    <PageBody>
      <Loaded query={query} source={t('source.service', { service: id })}>
        {(service) => <ServiceView key={id} service={service} />}
      </Loaded>
    </PageBody>
  )
}

function ServiceView({ service }: { service: Service }) {
  const t = useText()
  const traffic = useServiceLive(service.id)
  const owner = useOwner(service.id)
  const mayStart = useMay('traffic.write', service.namespace)
  const mayDelete = useMay('catalog.write', service.namespace)
  const asOf = traffic.data?.as_of_unix
  useFrame(asOf && Math.max(0, traffic.dataUpdatedAt / 1000 - asOf), traffic.dataUpdatedAt)
  return (
    <>
      <PageHead
        sentence={<Sentence service={service} traffic={traffic.data} />}
        detail={service.description || service.hosts.join(', ')}
        actions={
          <>
            {mayStart && !owner && service.versions.length > 1 && <StartRollout service={service.id} />}
            <Button
              size="xs"
              variant="default"
              renderRoot={(props) => (
                <Link to="/topology" search={{ sel: service.id, focus: service.id } as never} {...props} />
              )}
            >
              {t('service.onGraph')}
            </Button>
            {mayDelete && <DeleteService service={service} rps={rateOf(traffic.data)} />}
          </>
        }
      />
      {owner && <RolloutBanner rollout={owner} />}
      <ServiceTabs service={service} traffic={traffic.data} owned={owner !== undefined} />
    </>
  )
}

function rateOf(traffic: ServiceTraffic | undefined): number {
  return (traffic?.in ?? []).reduce((sum, edge) => sum + edge.rps, 0)
}

function Sentence({ service, traffic }: { service: Service; traffic: ServiceTraffic | undefined }) {
  const t = useText()
  const inbound = traffic?.in ?? []
  const health: Health = inbound.length ? worstHealth(inbound.map((edge) => edge.health)) : 'idle'
  const requests = inbound.reduce((sum, edge) => sum + edge.requests, 0)
  const errors = inbound.reduce((sum, edge) => sum + edge.errors, 0)
  const label = inbound.length
    ? t('service.sentence', {
        service: service.id,
        health: t(`health.${health}`).toLowerCase(),
        rate: formatRate(rateOf(traffic)),
        errors: formatShare(requests ? errors / requests : null),
      })
    : t('service.sentence.idle', { service: service.id })
  return (
    <span className="sentence">
      <HealthMark health={health} label={label} />
    </span>
  )
}

type TabsProps = { service: Service; traffic: ServiceTraffic | undefined; owned: boolean }

/** While a rollout owns the service, its split and routes are shown and not edited. */
function ServiceTabs({ service, traffic, owned }: TabsProps) {
  const t = useText()
  const [{ tab }, set] = useUrlState(DEFAULTS)
  const mayWrite = useMay('traffic.write', service.namespace)
  const mayAdd = useMay('catalog.write', service.namespace)
  const changes = useQuery(queries.changes({ object: `service:${service.id}`, page_size: 50 }))
  const marks = useMemo(() => chartMarks(changes.data?.results ?? []), [changes.data])
  return (
    <Tabs value={tab} onChange={(next) => set({ tab: next ?? 'traffic' })} keepMounted={false}>
      <Tabs.List mb={16}>
        {TABS.map((each) => (
          <Tabs.Tab key={each} value={each}>
            {t(`service.tab.${each}`)}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      <Tabs.Panel value="traffic" className="stack">
        {traffic && <TrafficTab service={service.id} traffic={traffic} marks={marks} />}
      </Tabs.Panel>
      <Tabs.Panel value="split" className="stack">
        <Panel title={t('split.title')}>
          <SplitEditor service={service.id} traffic={traffic} mayWrite={mayWrite && !owned} />
        </Panel>
        <VersionsPanel
          service={service}
          traffic={traffic}
          actions={mayAdd && <AddVersion service={service.id} />}
          rowActions={
            mayAdd && service.versions.length > 1
              ? (version) => <RemoveVersion service={service.id} version={version} />
              : undefined
          }
        />
        <InstancesPanel service={service.id} mayWrite={mayAdd} />
      </Tabs.Panel>
      <Tabs.Panel value="routes" className="stack">
        <Suspense fallback={<BlockSkeleton height={320} />}>
          <RoutingWorkspace service={service} traffic={traffic} owned={owned} />
        </Suspense>
      </Tabs.Panel>
      <Tabs.Panel value="policies" className="stack">
        <Suspense fallback={<BlockSkeleton height={320} />}>
          <ServicePolicies service={service.id} />
        </Suspense>
      </Tabs.Panel>
      <Tabs.Panel value="objectives" className="stack">
        <Suspense fallback={<BlockSkeleton height={320} />}>
          <ServiceObjectives service={service.id} marks={marks} />
        </Suspense>
      </Tabs.Panel>
      <Tabs.Panel value="changes">
        <Panel title={t('nav.changes')} flush>
          <Loaded query={changes} source={t('source.changes')}>
            {({ results }) =>
              results.length ? (
                <ChangesTable changes={results} />
              ) : (
                <EmptyState title={t('changes.empty')} next={t('changes.empty.next')} />
              )
            }
          </Loaded>
        </Panel>
      </Tabs.Panel>
    </Tabs>
  )
}
