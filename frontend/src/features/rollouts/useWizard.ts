/** The wizard's state: which service and step the URL names, the draft kept for it, and what the server says of it. */
import { useDebouncedValue } from '@mantine/hooks'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useEffect, useMemo, useState } from 'react'
import { ApiError, toFormErrors } from '@/api/problem'
import { queries } from '@/api/queries'
import { rolloutQueries } from '@/api/rollouts'
import type { Estimate, Preflight, Service } from '@/api/types'
import { useText } from '@/ui/useText'
import {
  bodyOf,
  type Draft,
  fieldsOf,
  loadDraft,
  newDraft,
  planOf,
  problemsOf,
  saveDraft,
  stepsOf,
  WIZARD_STEPS,
  type WizardStep,
  withVersions,
} from './draft'
import { parseDuration } from './durations'
import { schedule, type TimedStep } from './steps'

const DEBOUNCE_MS = 350

/** What a step of the wizard reads and writes. */
export type StepProps = {
  draft: Draft
  set: (patch: Partial<Draft>) => void
  /** What is wrong, by field path. */
  errors: Record<string, string>
  facts: Facts
}

export type Facts = {
  service: Service | undefined
  preflight: Preflight | undefined
  estimate: Estimate | undefined
  rps: number | null
  timed: TimedStep[]
}

export type Wizard = StepProps & {
  step: WizardStep
  goTo: (step: WizardStep) => void
  choose: (service: string) => void
  /** A sentence about the whole, such as a refusal that belongs to no field. */
  refusal: string | null
  /** The rollout that owns the service already. */
  inTheWay: string | null
  /** Whether the server has seen this very draft and has nothing against it. */
  accepted: boolean
  /** Whether there was a draft of this service when the page was opened. */
  restored: boolean
  restart: () => void
}

export function useWizard(): Wizard {
  const { service, step, canary, goTo, choose } = useWizardUrl()
  const [kept, setKept] = useState(() => open(service, canary))
  // Another service in the address is another draft.
  if (kept.draft.service !== service) setKept(open(service, canary))
  const registered = useQuery({ ...queries.service(service), enabled: service !== '' }).data
  const draft = useMemo(() => withVersions(kept.draft, registered), [kept.draft, registered])
  const set = (patch: Partial<Draft>) => setKept({ ...kept, draft: { ...draft, ...patch }, touched: true })
  useEffect(() => {
    if (kept.touched) saveDraft(kept.draft)
  }, [kept])
  const facts = useFacts(draft, registered)
  const said = useServerSays(draft)
  return {
    ...said,
    draft,
    set,
    facts,
    step,
    goTo,
    choose,
    inTheWay: facts.preflight?.active_rollout ?? said.inTheWay,
    restored: kept.restored,
    restart: () => setKept({ draft: newDraft(service), restored: false, touched: true }),
  }
}

type Kept = { draft: Draft; restored: boolean; touched: boolean }

function open(service: string, canary: string): Kept {
  const loaded = service ? loadDraft(service) : null
  return { draft: loaded ?? { ...newDraft(service), canary }, restored: loaded !== null, touched: false }
}

/** Steps are pages: going to one adds to the history, choosing a service does not. */
function useWizardUrl() {
  const search = useSearch({ strict: false }) as { step?: string; service?: string; canary?: string }
  const navigate = useNavigate()
  const step = WIZARD_STEPS.find((each) => each === search.step) ?? 'service'
  return {
    step,
    service: String(search.service ?? ''),
    canary: String(search.canary ?? ''),
    goTo: (next: WizardStep) =>
      void navigate({ to: '.', search: ((old: object) => ({ ...old, step: next })) as never }),
    choose: (service: string) =>
      void navigate({ to: '.', search: { step: 'service', service } as never, replace: true }),
  }
}

function useFacts(draft: Draft, service: Service | undefined): Facts {
  const chosen = Boolean(draft.service && draft.canary)
  const preflight = useQuery({
    ...rolloutQueries.preflight(draft.service, draft.canary),
    enabled: chosen,
  }).data
  const [plan] = useDebouncedValue(planOf(draft), DEBOUNCE_MS)
  const sound = Object.keys(problemsOf(draft)).length === 0
  const estimate = useQuery({
    ...rolloutQueries.estimate(plan),
    enabled: chosen && sound && plan.service === draft.service,
    placeholderData: keepPreviousData,
  }).data
  const rps = preflight?.rate_rps ?? estimate?.rate_rps ?? null
  const timed = useMemo(
    () =>
      schedule(stepsOf(draft), {
        warmMs: parseDuration(draft.safety.warm) ?? 0,
        intervalMs: parseDuration(draft.analysis.interval) ?? 0,
        minRequests: draft.analysis.min_requests,
        rps,
      }),
    [draft, rps],
  )
  return { service, preflight, estimate, rps, timed }
}

/** Problems of the draft: our own at once, the server's after a dry run. */
function useServerSays(draft: Draft) {
  const t = useText()
  const local = problemsOf(draft)
  const sound = Object.keys(local).length === 0
  const body = useMemo(() => ({ ...bodyOf(draft), reason: '' }), [draft])
  const [asked] = useDebouncedValue(body, DEBOUNCE_MS)
  const isOurs = asked.service === draft.service && asked.canary !== ''
  const query = useQuery({ ...rolloutQueries.dryRun(asked), enabled: sound && isOurs, retry: false })
  const current = JSON.stringify(asked) === JSON.stringify(body)
  const { fields, form } = toFormErrors(sound ? query.error : null, fieldsOf(draft))
  const own = Object.fromEntries(
    Object.entries(local).map(([path, problem]) => [path, t(`wizard.problem.${problem}`)]),
  )
  const conflict = query.error instanceof ApiError && query.error.code === 'active_rollout'
  return {
    errors: { ...fields, ...own },
    refusal: conflict ? null : form,
    inTheWay: conflict && query.error instanceof ApiError ? (query.error.fields[0]?.detail ?? null) : null,
    accepted: sound && current && query.isSuccess,
  }
}
