/** Live rollouts: the list of active ones, and one with its events. */
import { useQuery } from '@tanstack/react-query'
import { merge } from './graphDiff'
import { rolloutQueries } from './rollouts'
import type { Rollout, RolloutEvent } from './types'
import { update, usePollInterval, useTopic } from './useLive'

export function isActive({ state }: Rollout): boolean {
  return state !== 'draft' && state !== 'succeeded' && state !== 'rolled_back'
}

/** Every rollout that is under way. */
export function useActiveRollouts() {
  const options = rolloutQueries.active()
  useTopic('rollouts', {}, (message, cache) => {
    if (message.kind === 'state') {
      cache.setQueryData(options.queryKey, message.data as Rollout[])
      return
    }
    const { changed, removed } = message.data as { changed: Rollout[]; removed: string[] }
    update<Rollout[]>(cache, options.queryKey, (old) => merge(old, changed, removed))
    if (removed.length) cache.invalidateQueries({ queryKey: ['rollouts'], predicate: isFiltered })
  })
  return useQuery({ ...options, refetchInterval: usePollInterval(), select: newestFirst })
}

const newestFirst = (rollouts: Rollout[]) => [...rollouts].sort((a, b) => Number(b.id) - Number(a.id))

/** The lists that are asked for with filters, which no topic keeps. */
const isFiltered = ({ queryKey }: { queryKey: readonly unknown[] }) => queryKey[1] !== 'active'

/** The rollout under way that owns a service, if there is one. */
export function useOwner(service: string): Rollout | undefined {
  return useActiveRollouts().data?.find((rollout) => rollout.service === service)
}

type LiveRollout = { rollout?: Rollout; events?: RolloutEvent[] }

/** One rollout and what happened to it. */
export function useRolloutLive(id: string) {
  const one = rolloutQueries.one(id)
  const events = rolloutQueries.events(id)
  useTopic(`rollout:${id}`, {}, (message, cache) => {
    const { rollout, events: fresh = [] } = readMessage(message.data as LiveRollout | (Rollout & LiveRollout))
    if (rollout) cache.setQueryData(one.queryKey, rollout)
    update<RolloutEvent[]>(cache, events.queryKey, (old) => mergeEvents(old, fresh))
  })
  const refetchInterval = usePollInterval()
  return {
    rollout: useQuery({ ...one, refetchInterval }),
    events: useQuery({ ...events, refetchInterval }),
  }
}

/** A state holds the rollout's own fields beside its events; a diff holds both by name. */
function readMessage(data: LiveRollout | (Rollout & LiveRollout)): LiveRollout {
  if (!('id' in data)) return data
  const { events, ...rollout } = data
  return { rollout, events }
}

/** Each event once, in their order. */
export function mergeEvents(known: RolloutEvent[], fresh: RolloutEvent[]): RolloutEvent[] {
  const last = known.at(-1)?.seq ?? -1
  const newer = fresh.filter(({ seq }) => seq > last)
  return newer.length ? [...known, ...newer] : known
}
