/** A policy that is edited: what stands now, the draft laid over it, and whether it would be taken. */
import { useDebouncedValue } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { ApiError } from '@/api/problem'
import { writePolicy } from '@/api/security'
import type { Policy } from '@/api/types'
import type { Fault } from '@/ui/fields'
import { useText } from '@/ui/useText'
import { policyFlaws } from './draft/flaws'
import { draftOf, newPolicy, type PolicyDraft, policyOf, sameValue } from './draft/policy'
import { discardDraft, NEW, setDraft, useDraft } from './draft/store'

const PAUSE_MS = 350

export type Drafting = {
  /** What stands; null for a policy that is not there yet. */
  standing: Policy | null
  version: string
  value: PolicyDraft
  isChanged: boolean
  /** Somebody else changed it since the draft began. */
  isOvertaken: boolean
  set: (value: PolicyDraft) => void
  /** Lay the draft over what stands now. */
  rebase: () => void
  discard: () => void
}

export function usePolicyDraft(standing: Policy | null): Drafting {
  const key = standing?.name ?? NEW
  const draft = useDraft(key)
  return useMemo(() => {
    const base = standing ? draftOf(standing) : newPolicy()
    const value = draft?.value ?? base
    const version = draft?.version ?? standing?.version ?? ''
    const isChanged = !sameValue(value, base)
    return {
      standing,
      version,
      value,
      isChanged,
      isOvertaken: isChanged && version !== (standing?.version ?? ''),
      set: (next) => setDraft(key, { version, value: next }),
      rebase: () => setDraft(key, { version: standing?.version ?? '', value }),
      discard: () => discardDraft(key),
    }
  }, [key, standing, draft])
}

/** `checking` while the newest draft has no answer; `problem` is a refusal that no field stands for. */
export type Validity = { faults: Fault[]; checking: boolean; problem: string | null }

/** What can be told here at once, then what the server says to a dry run. */
export function useValidity(drafting: Drafting): Validity {
  const t = useText()
  const flaws = policyFlaws(drafting.value)
  const [settled] = useDebouncedValue(drafting, PAUSE_MS)
  const asks = drafting.isChanged && flaws.length === 0
  const { version, value } = settled
  const answer = useQuery({
    queryKey: ['security-dry-run', version, value],
    queryFn: () => writePolicy(policyOf(value), { version, reason: '', dryRun: true }),
    enabled: asks && policyFlaws(value).length === 0,
    retry: false,
    retryOnMount: false,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
  })
  const refused = asks && settled === drafting ? refusal(answer.error) : { faults: [], problem: null }
  return {
    faults: [...flaws.map(({ path, text }) => ({ path, message: t(text) })), ...refused.faults],
    checking: asks && (settled !== drafting || answer.isFetching),
    problem: refused.problem,
  }
}

/** What a refusal says, at the fields that it names. */
function refusal(error: unknown): Pick<Validity, 'faults' | 'problem'> {
  if (!error) return { faults: [], problem: null }
  if (!(error instanceof ApiError)) return { faults: [], problem: String(error) }
  const faults = error.fields.map(({ path, detail }) => ({ path, message: detail }))
  return { faults, problem: faults.length ? null : error.message }
}
