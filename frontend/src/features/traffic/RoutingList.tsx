/** Every service with its rules in short: where its traffic goes, what is set, and whether a draft waits. */
import './traffic.css'
import './routing.css'
import './views.css'
import { Button, Select, TextInput } from '@mantine/core'
import { IconSearch } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useEffect, useRef, useState } from 'react'
import { queries } from '@/api/queries'
import type { Service } from '@/api/types'
import { addEnglish } from '@/text'
import { trafficEn } from '@/text/traffic.en'
import { type Column, DataTable } from '@/ui/DataTable'
import { NONE } from '@/ui/format'
import { ToneMark } from '@/ui/Mark'
import { PageBody, PageHead, Panel } from '@/ui/Panel'
import { EmptyState, Loaded } from '@/ui/States'
import { useText } from '@/ui/useText'
import { useUrlState } from '@/ui/useUrlState'
import { wholeRoute } from './draft/rules'
import { useDrafted } from './draft/store'
import * as words from './draft/words'

addEnglish(trafficEn)

const DEFAULTS = { q: '', namespace: '' }

export function RoutingList() {
  const t = useText()
  const query = useQuery(queries.services())
  const drafted = useDrafted()
  const [{ q, namespace }, set] = useUrlState(DEFAULTS)
  const services = query.data ?? []
  const namespaces = [...new Set(services.map((service) => service.namespace))].sort()
  const shown = services.filter(
    (service) => service.id.includes(q.toLowerCase()) && (!namespace || service.namespace === namespace),
  )
  const split = services.filter((service) => Object.values(service.split).filter(Boolean).length > 1).length
  return (
    <PageBody>
      <PageHead
        sentence={t('routing.sentence', { count: services.length, n: services.length, split })}
        detail={drafted.length > 0 && t('routing.drafted', { count: drafted.length, n: drafted.length })}
        actions={
          <>
            <Button
              size="xs"
              variant="default"
              renderRoot={(props) => <Link to="/routing/import" {...props} />}
            >
              {t('import.title')}
            </Button>
            <Button size="xs" variant="default" renderRoot={(props) => <Link to="/routing/try" {...props} />}>
              {t('try.title')}
            </Button>
          </>
        }
      />
      <Panel flush>
        <div className="filters">
          <TextInput
            size="xs"
            leftSection={<IconSearch size={14} />}
            aria-label={t('services.search')}
            placeholder={t('services.search')}
            value={q}
            onChange={(event) => set({ q: event.currentTarget.value })}
          />
          <Select
            size="xs"
            aria-label={t('filter.namespace')}
            placeholder={t('filter.namespace')}
            value={namespace || null}
            data={namespaces}
            clearable
            onChange={(next) => set({ namespace: next ?? '' })}
          />
        </div>
        <Loaded query={query} source={t('source.services')}>
          {() =>
            shown.length ? (
              <ServiceRules services={shown} drafted={drafted} />
            ) : (
              <EmptyState title={t('filter.nothing')} next={t('filter.nothing.next')} />
            )
          }
        </Loaded>
      </Panel>
    </PageBody>
  )
}

function ServiceRules({ services, drafted }: { services: Service[]; drafted: readonly string[] }) {
  const t = useText()
  const columns: Column<Service>[] = [
    {
      key: 'service',
      header: t('table.service'),
      cell: ({ id, namespace, name }) => (
        <span className="row">
          <Link
            to="/services/$namespace/$name"
            params={{ namespace, name }}
            search={{ tab: 'routes' } as never}
          >
            {id}
          </Link>
          {drafted.includes(id) && <ToneMark tone="progress" label={t('draft.title')} />}
        </span>
      ),
    },
    {
      key: 'split',
      header: t('table.split'),
      cell: ({ split }) => words.weightWords(split) || NONE,
      long: true,
    },
    {
      key: 'routes',
      header: t('routes.title'),
      cell: ({ id }) => <RoutesInShort service={id} />,
      long: true,
    },
    {
      key: 'limits',
      header: t('limits.title'),
      cell: ({ id }) => <LimitsInShort service={id} />,
      long: true,
    },
  ]
  return <DataTable label={t('nav.routing')} columns={columns} rows={services} rowKey={({ id }) => id} />
}

const SHOWN = 3

function RoutesInShort({ service }: { service: string }) {
  const t = useText()
  const [ref, seen] = useSeen()
  const routes = useQuery({ ...queries.routes(service), enabled: seen, staleTime: 30_000 }).data?.value.routes
  return (
    <div ref={ref} className="in-short">
      {routes?.slice(0, SHOWN).map((route) => (
        <div key={route.name}>
          <strong>{route.name}</strong> {words.routeWords(wholeRoute(route), t)}
        </div>
      ))}
      {routes && routes.length > SHOWN && (
        <span className="muted">{t('ack.more', { n: routes.length - SHOWN })}</span>
      )}
    </div>
  )
}

function LimitsInShort({ service }: { service: string }) {
  const t = useText()
  const [ref, seen] = useSeen()
  const limits = useQuery({ ...queries.limits(service), enabled: seen, staleTime: 30_000 }).data?.value.limits
  return (
    <div ref={ref} className="in-short">
      {limits?.length ? limits.map((limit) => words.limitWords(limit, t)).join('; ') : NONE}
    </div>
  )
}

/** True from when the element first comes near the screen: a thousand services are not all asked at once. */
function useSeen(): [(element: HTMLElement | null) => void, boolean] {
  const [seen, setSeen] = useState(false)
  const observer = useRef<IntersectionObserver>(undefined)
  useEffect(() => () => observer.current?.disconnect(), [])
  const watch = useRef((element: HTMLElement | null) => {
    observer.current?.disconnect()
    if (!element) return
    observer.current = new IntersectionObserver(
      (entries) => entries.some(({ isIntersecting }) => isIntersecting) && setSeen(true),
      { rootMargin: '200px' },
    )
    observer.current.observe(element)
  })
  return [watch.current, seen]
}
