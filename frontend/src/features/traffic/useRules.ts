/** The rules of a service as they are desired now, and the draft of a change to them. */
import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { queries } from '@/api/queries'
import type { Resilience } from '@/api/types'
import { PARTS, type Part, type Rules, wholeRoute } from './draft/rules'
import { same } from './draft/shape'
import { type Draft, draftOf, setDraft, useDraftOf } from './draft/store'

export type Tags = Record<Part, string>
export type Desired = { rules: Rules; tags: Tags }

/** One loadable thing made of the four that the API has. */
export function useDesired(service: string) {
  const split = useQuery(queries.split(service))
  const routes = useQuery(queries.routes(service))
  const resilience = useQuery(queries.resilience(service))
  const limits = useQuery(queries.limits(service))
  const all = [split, routes, resilience, limits]
  const data = useMemo((): Desired | undefined => {
    if (!split.data || !routes.data || !resilience.data || !limits.data) return undefined
    const { version: _, ...settings } = resilience.data.value
    return {
      rules: {
        split: split.data.value.weights,
        routes: routes.data.value.routes.map(wholeRoute),
        resilience: settings as Resilience,
        limits: limits.data.value.limits,
      },
      tags: {
        split: split.data.etag,
        routes: routes.data.etag,
        resilience: resilience.data.etag,
        limits: limits.data.etag,
      },
    }
  }, [split.data, routes.data, resilience.data, limits.data])
  return {
    data,
    error: all.find((query) => query.error)?.error ?? null,
    refetch: () => Promise.all(all.map((query) => query.refetch())),
  }
}

export type Drafting = ReturnType<typeof useDrafting>

/** What is desired with the draft laid over it. A part that is as desired again is no draft any more. */
export function useDrafting(service: string, { rules: desired, tags }: Desired) {
  const draft = useDraftOf(service)
  return useMemo(() => {
    const parts = PARTS.filter((part) => draft[part] && !same(draft[part]?.value, desired[part]))
    const changed = picked(draft, parts)
    return {
      service,
      desired,
      /** What each part was when its draft began: a write over anything newer is refused. */
      bases: { ...tags, ...begun(draft, parts) },
      changed,
      rules: { ...desired, ...changed } as Rules,
      /** Parts that somebody else changed since their draft began. */
      overtaken: parts.filter((part) => draft[part]?.etag !== tags[part]),
      set<P extends Part>(part: P, value: Rules[P]) {
        const before = draftOf(service)
        setDraft(service, { ...before, [part]: { etag: before[part]?.etag ?? tags[part], value } })
      },
      setAll(values: Partial<Rules>) {
        const given = PARTS.filter((part) => values[part] !== undefined)
        const next = given.map((part) => [
          part,
          { etag: draftOf(service)[part]?.etag ?? tags[part], value: values[part] },
        ])
        setDraft(service, { ...draftOf(service), ...Object.fromEntries(next) })
      },
      /** Lay the draft over what is desired now. */
      rebase() {
        const next = parts.map((part) => [part, { etag: tags[part], value: changed[part] }])
        setDraft(service, Object.fromEntries(next))
      },
      discard(only: readonly Part[] = PARTS) {
        const kept = Object.entries(draftOf(service)).filter(([part]) => !only.includes(part as Part))
        setDraft(service, Object.fromEntries(kept))
      },
    }
  }, [service, desired, tags, draft])
}

function begun(draft: Draft, parts: readonly Part[]): Partial<Tags> {
  return Object.fromEntries(parts.map((part) => [part, draft[part]?.etag]))
}

function picked(draft: Draft, parts: readonly Part[]): Partial<Rules> {
  return Object.fromEntries(parts.map((part) => [part, draft[part]?.value]))
}
