import { Button } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useMemo, useRef, useState } from 'react'
import { queries } from '@/api/queries'
import type { Route } from '@/api/types'
import { useFaults } from '@/ui/fields'
import { Panel } from '@/ui/Panel'
import { freshName, keyOf, moved, replaced, successor, without } from '@/ui/rows'
import { useText } from '@/ui/useText'
import { newRoute, ROUTE } from './draft/rules'
import { same } from './draft/shape'
import { RouteCard } from './RouteCard'
import { useReorder } from './useReorder'
import type { Drafting } from './useRules'

type RoutesEditorProps = { drafting: Drafting; versions: readonly string[]; mayWrite: boolean }

/** The routes of a service in the order in which they are tried. */
export function RoutesEditor({ drafting, versions, mayWrite }: RoutesEditorProps) {
  const t = useText()
  const list = useRef<HTMLOListElement>(null)
  const [open, setOpen] = useState<ReadonlySet<number>>(new Set())
  const [said, setSaid] = useState('')
  const sources = useSources()
  const own = useFaults().filter(({ path }) => path === 'routes')
  const { routes } = drafting.rules
  const names = routes.map(({ name }) => name)
  const catchAll = routes.findIndex(
    ({ match }) => same({ ...match, path: null }, ANY) && takesAll(match.path),
  )
  const set = (next: Route[]) => drafting.set('routes', next)
  const { dragged, start } = useReorder(list, (from, to) => set(moved(routes, from, to)))

  const toggle = (key: number) => {
    const next = new Set(open)
    if (!next.delete(key)) next.add(key)
    setOpen(next)
  }
  const insert = (route: Route, at: number) => {
    set([...routes.slice(0, at), route, ...routes.slice(at)])
    setOpen(new Set([...open, keyOf(route)]))
  }
  const move = (route: Route, from: number, to: number) => {
    if (to < 0 || to >= routes.length) return
    set(moved(routes, from, to))
    setSaid(t('routes.moved', { name: route.name, place: to + 1, count: routes.length }))
  }
  const add = mayWrite && (
    <Button
      size="xs"
      variant="default"
      leftSection={<IconPlus size={14} />}
      onClick={() => insert(newRoute(freshName('route', names)), 0)}
    >
      {t('routes.add')}
    </Button>
  )
  return (
    <Panel title={t('routes.title')} aside={add} flush>
      <p className="muted route-hint">{t('routes.order')}</p>
      <ol className="route-list" ref={list} aria-label={t('routes.title')}>
        {routes.map((route, index) => (
          <RouteCard
            key={keyOf(route)}
            slot={{
              path: `routes.${index}`,
              shape: ROUTE,
              value: route,
              onChange: (next) => set(replaced(routes, index, successor(route, next))),
            }}
            place={index + 1}
            count={routes.length}
            versions={versions}
            sources={sources}
            mayWrite={mayWrite}
            behind={catchAll >= 0 && index > catchAll ? names[catchAll] : undefined}
            mark={markOf(route, drafting.desired.routes)}
            open={open.has(keyOf(route))}
            dragged={dragged === index}
            onToggle={() => toggle(keyOf(route))}
            onMove={(step) => move(route, index, index + step)}
            onDragStart={start(index)}
            onDuplicate={() =>
              insert({ ...structuredClone(route), name: freshName(route.name, names) }, index + 1)
            }
            onRemove={() => set(without(routes, index))}
          />
        ))}
      </ol>
      {own.map(({ message }) => (
        <p key={message} className="text-failing route-hint" role="alert">
          {message}
        </p>
      ))}
      <span className="visually-hidden" role="status">
        {said}
      </span>
    </Panel>
  )
}

const ANY = newRoute('any').match
const takesAll = (path: Route['match']['path']) =>
  path === null || (path.kind === 'prefix' && path.value === '/')

function markOf(route: Route, desired: readonly Route[]): 'added' | 'changed' | null {
  const before = desired.find(({ name }) => name === route.name)
  if (!before) return 'added'
  return same(before, route) ? null : 'changed'
}

/** Who may call: every service and gateway, and all of a namespace. */
function useSources(): string[] {
  const services = useQuery(queries.services()).data
  const gateways = useQuery(queries.gateways()).data
  return useMemo(() => {
    const ids = [...(gateways ?? []), ...(services ?? [])].map(({ id }) => id)
    const namespaces = new Set(ids.map((id) => `${id.split('/')[0]}/*`))
    return [...ids.sort(), ...[...namespaces].sort()]
  }, [services, gateways])
}
