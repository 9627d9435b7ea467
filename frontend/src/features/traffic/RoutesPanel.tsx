import './traffic.css'
import { Button } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { body, client } from '@/api/client'
import { toFormErrors } from '@/api/problem'
import { queries, servicePath } from '@/api/queries'
import type { Route, ServiceTraffic } from '@/api/types'
import { AckBar } from '@/ui/AckBar'
import { type Column, DataTable } from '@/ui/DataTable'
import { formatMs, formatWeight } from '@/ui/format'
import { JsonDiff } from '@/ui/JsonDiff'
import { Panel } from '@/ui/Panel'
import { Loaded } from '@/ui/States'
import { useText } from '@/ui/useText'
import { Review } from './Review'
import { RouteFields } from './RouteFields'
import { matchText, moved, newRoute, wholeRoute } from './routeText'

type RoutesPanelProps = {
  service: string
  versions: string[]
  traffic: ServiceTraffic | undefined
  mayWrite: boolean
}

/** The routes of a service in the order they are tried, and their editor. */
export function RoutesPanel({ service, versions, traffic, mayWrite }: RoutesPanelProps) {
  const t = useText()
  const query = useQuery(queries.routes(service))
  const [editing, setEditing] = useState(false)
  const [applied, setApplied] = useState<number | null>(null)
  const edit = mayWrite && !editing && (
    <Button size="xs" variant="default" onClick={() => setEditing(true)}>
      {t('action.edit')}
    </Button>
  )
  return (
    <Panel title={t('routes.title')} aside={edit} flush>
      <Loaded query={query} source={t('source.routes', { service })}>
        {({ value, etag }) =>
          editing ? (
            <RoutesEditor
              service={service}
              versions={versions}
              traffic={traffic}
              current={value.routes.map(wholeRoute)}
              etag={etag}
              onDone={(revision) => {
                setEditing(false)
                setApplied(revision)
              }}
            />
          ) : (
            <RoutesTable routes={value.routes.map(wholeRoute)} />
          )
        }
      </Loaded>
      {applied !== null && !editing && <AckBar revision={applied} />}
    </Panel>
  )
}

function RoutesTable({ routes }: { routes: Route[] }) {
  const t = useText()
  const columns: Column<Route>[] = [
    { key: 'name', header: t('routes.name'), cell: (route) => route.name },
    {
      key: 'match',
      header: t('routes.match'),
      cell: (route) => <span className="route-match">{matchText(route.match)}</span>,
    },
    {
      key: 'to',
      header: t('routes.to'),
      cell: (route) => weightsText(route.weights) ?? t('routes.serviceSplit'),
    },
    {
      key: 'timeout',
      header: t('routes.timeout'),
      cell: (route) => formatMs(route.timeouts.request_ms),
      numeric: true,
    },
    {
      key: 'idle',
      header: t('routes.idle'),
      cell: (route) => formatMs(route.timeouts.idle_ms),
      numeric: true,
      wideOnly: true,
    },
  ]
  return (
    <DataTable label={t('routes.title')} columns={columns} rows={routes} rowKey={(route) => route.name} />
  )
}

function weightsText(weights: Route['weights']): string | null {
  if (!weights) return null
  return Object.entries(weights)
    .filter(([, weight]) => weight > 0)
    .map(([version, weight]) => `${version} ${formatWeight(weight)}`)
    .join(', ')
}

type EditorProps = {
  service: string
  versions: string[]
  traffic: ServiceTraffic | undefined
  current: Route[]
  etag: string
  onDone: (revision: number | null) => void
}

/** A draft route keeps an identity of its own while its name is being typed. */
type Draft = { key: number; route: Route }

function RoutesEditor({ service, versions, traffic, current, etag, onDone }: EditorProps) {
  const t = useText()
  const [drafts, setDrafts] = useState<Draft[]>(() => current.map((route, key) => ({ key, route })))
  const [reviewing, setReviewing] = useState(false)
  const routes = drafts.map(({ route }) => route)
  const apply = useApplyRoutes(service, etag, onDone)
  const { fields, form } = toFormErrors(
    apply.error,
    routes.map((_, index) => `routes.${index}`),
  )
  const changed = JSON.stringify(routes) !== JSON.stringify(current)

  const add = () => {
    const key = Math.max(0, ...drafts.map((draft) => draft.key)) + 1
    setDrafts([{ key, route: newRoute(`route-${key}`) }, ...drafts])
  }
  return (
    <div>
      <p className="muted route-hint">{t('routes.order')}</p>
      {drafts.map(({ key, route }, index) => (
        <RouteFields
          key={key}
          route={route}
          versions={versions}
          error={fields[`routes.${index}`]}
          first={index === 0}
          last={index === drafts.length - 1}
          onChange={(next) =>
            setDrafts(drafts.map((draft) => (draft.key === key ? { key, route: next } : draft)))
          }
          onMove={(step) => setDrafts(moved(drafts, index, index + step))}
          onRemove={
            drafts.length > 1 ? () => setDrafts(drafts.filter((draft) => draft.key !== key)) : undefined
          }
        />
      ))}
      <div className="route-card">
        {reviewing ? (
          <Review
            service={service}
            traffic={traffic}
            error={form ?? (Object.keys(fields).length ? t('routes.seeAbove') : null)}
            busy={apply.isPending}
            applyLabel={t('routes.apply', { service, n: routes.length })}
            onCancel={() => setReviewing(false)}
            onApply={(reason) => apply.mutate({ routes, reason })}
          >
            <JsonDiff before={current} after={routes} />
          </Review>
        ) : (
          <div className="row">
            <Button size="xs" variant="default" leftSection={<IconPlus size={14} />} onClick={add}>
              {t('routes.add')}
            </Button>
            <Button size="xs" disabled={!changed} onClick={() => setReviewing(true)}>
              {t('action.review')}
            </Button>
            <Button size="xs" variant="default" onClick={() => onDone(null)}>
              {t('action.cancel')}
            </Button>
          </div>
        )}
      </div>
    </div>
  )
}

function useApplyRoutes(service: string, etag: string, onDone: (revision: number | null) => void) {
  const cache = useQueryClient()
  return useMutation({
    mutationFn: (draft: { routes: Route[]; reason: string }) =>
      body(
        client.PUT('/api/v1/services/{ns}/{name}/routes/', {
          params: { path: servicePath(service), header: { 'If-Match': etag } },
          body: draft,
        }),
      ),
    onSuccess: async ({ revision }) => {
      await cache.invalidateQueries({ queryKey: ['service', service] })
      onDone(revision)
    },
  })
}
