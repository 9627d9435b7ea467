import { useDebouncedCallback } from '@mantine/hooks'
import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useMemo, useRef, useState } from 'react'
import { usePast } from '@/api/freshness'
import { queries } from '@/api/queries'
import type { GraphParams } from '@/api/types'
import { oneOf, type SetState, type TopologyState } from './options'
import { nearestStep, SPANS, type Span, type Step, stepsOf, stretchOf } from './timeline'

/** Steps a second while it plays. */
export const SPEEDS = [1, 2, 5] as const
/** The address, and what is asked of the server, follow a moving hand at this pace. */
const PAUSE_MS = 120

export type ReplayControl = {
  /** The moment shown, Unix seconds. */
  at: number
  span: Span
  steps: Step[]
  stepSeconds: number
  index: number
  error: unknown
  playing: boolean
  speed: number
  goTo: (at: number) => void
  step: (by: number) => void
  setSpan: (span: Span) => void
  setPlaying: (playing: boolean) => void
  setSpeed: (speed: number) => void
  leave: () => void
}

type PastGraph = { control: ReplayControl | null; query: ReturnType<typeof useGraphAt> }

/** The graph of a past moment and the way through the past; `control` is null while the page is live. */
export function useReplay(state: TopologyState, set: SetState, params: GraphParams): PastGraph {
  const moment = momentOf(state.at)
  const [at, setAt] = useMoving(moment)
  const span = oneOf(Object.keys(SPANS) as Span[], state.span, '15m')
  const stretch = useStretch(span, at)
  const write = useDebouncedCallback((next: number) => set({ at: String(next) }), PAUSE_MS)
  const goTo = (next: number) => {
    setAt(next)
    write(next)
  }
  usePast(at)
  const query = useGraphAt(params, moment === null ? null : at)
  // Instances are not recorded; what was wrong when, their versions tell as well.
  const recording = useQuery({
    ...queries.replay({
      by: params.by === 'instance' ? 'version' : params.by,
      ...(stretch ?? { start: 0, end: 0 }),
    }),
    enabled: stretch !== null,
    placeholderData: keepPreviousData,
  })
  const steps = useMemo(() => (recording.data ? stepsOf(recording.data) : []), [recording.data])
  const index = at === null ? -1 : nearestStep(steps, at)
  const [speed, setSpeed] = useState<number>(SPEEDS[0])
  const step = (by: number) => {
    const next = steps[Math.min(steps.length - 1, Math.max(0, index + by))]
    if (next) goTo(next.at)
  }
  const player = usePlayer({ steps, index, speed, isReady: !query.isFetching, goTo, params })
  if (at === null || moment === null) return { control: null, query }
  const leave = () => {
    write.cancel()
    player.setPlaying(false)
    set({ at: '', span: '' })
  }
  const control = {
    ...{ at, span, steps, index, speed, goTo, step, setSpeed, leave },
    ...player,
    stepSeconds: recording.data?.step_s ?? 0,
    error: recording.error,
    setSpan: (next: Span) => set({ span: next }),
  }
  return { control, query }
}

function momentOf(at: string): number | null {
  const moment = Number.parseFloat(at)
  return Number.isFinite(moment) && moment > 0 ? moment : null
}

/** A moment that runs ahead of the address while a hand or the player moves it. */
function useMoving(moment: number | null): [number | null, (at: number) => void] {
  const [ahead, setAhead] = useState<{ of: number | null; at: number } | null>(null)
  return [ahead && ahead.of === moment ? ahead.at : moment, (at) => setAhead({ of: moment, at })]
}

/** Stays as it is while the moment lies within it. */
function useStretch(span: Span, at: number | null) {
  const kept = useRef<{ span: Span; start: number; end: number } | null>(null)
  if (at === null) kept.current = null
  else if (kept.current?.span !== span || at < kept.current.start || at > kept.current.end) {
    kept.current = { span, ...stretchOf(span, Date.now() / 1000, at) }
  }
  const { start, end } = kept.current ?? { start: 0, end: 0 }
  return useMemo(() => (end > 0 ? { start, end } : null), [start, end])
}

/** What was shown before stays until the asked moment is there. */
function useGraphAt(params: GraphParams, at: number | null) {
  const cache = useQueryClient()
  return useQuery({
    ...queries.graphAt(params, at ?? 0),
    enabled: at !== null,
    placeholderData: (before) =>
      at === null ? undefined : (before ?? cache.getQueryData(queries.graph(params).queryKey)),
  })
}

type Playing = {
  steps: Step[]
  index: number
  speed: number
  isReady: boolean
  goTo: (at: number) => void
  params: GraphParams
}

/** Goes from step to step, each after the one before is shown; it stands still in a hidden tab. */
function usePlayer({ steps, index, speed, isReady, goTo, params }: Playing) {
  const [playing, setPlaying] = useState(false)
  const isHidden = useHidden(playing)
  const cache = useQueryClient()
  const next = steps[index + 1]
  const run = useRef(goTo)
  run.current = goTo
  useEffect(() => {
    if (!playing || isHidden || !isReady) return
    if (!next) {
      setPlaying(false)
      return
    }
    void cache.prefetchQuery(queries.graphAt(params, next.at))
    const timer = setTimeout(() => run.current(next.at), 1000 / speed)
    return () => clearTimeout(timer)
  }, [playing, isHidden, isReady, next, speed, cache, params])
  const start = (wanted: boolean) => {
    // From the end there is nothing left to play: begin again.
    if (wanted && !next && steps[0]) goTo(steps[0].at)
    setPlaying(wanted)
  }
  return { playing, setPlaying: start }
}

function useHidden(isWatched: boolean): boolean {
  const [hidden, setHidden] = useState(document.hidden)
  useEffect(() => {
    if (!isWatched) return
    const watch = () => setHidden(document.hidden)
    watch()
    document.addEventListener('visibilitychange', watch)
    return () => document.removeEventListener('visibilitychange', watch)
  }, [isWatched])
  return hidden
}
