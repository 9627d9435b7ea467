/** Whether a draft would be taken: what can be told here at once, then what the server says to a dry run. */
import { useDebouncedValue } from '@mantine/hooks'
import { type QueryClient, useQueries, useQueryClient } from '@tanstack/react-query'
import { ApiError } from '@/api/problem'
import type { Translate } from '@/text'
import type { Fault } from '@/ui/fields'
import { useText } from '@/ui/useText'
import { PARTS, type Part, ruleFlaws } from './draft/rules'
import type { Drafting } from './useRules'
import { fullPath, writePart } from './writeRules'

/** `checking` while the newest draft has no answer; `problem` is a refusal that no field stands for. */
export type Validity = { faults: Fault[]; checking: boolean; problem: string | null }

const PAUSE_MS = 350

export function useValidation(drafting: Drafting): Validity {
  const t = useText()
  const flaws = ruleFlaws(drafting.changed)
  const faulty = new Set(flaws.map(({ path }) => path.split('.')[0]))
  const [settled] = useDebouncedValue(drafting, PAUSE_MS)
  const parts = PARTS.filter((part) => drafting.changed[part] !== undefined && !faulty.has(part))
  const cache = useQueryClient()
  const answers = useQueries({ queries: parts.map((part) => dryRun(part, settled, cache)) })
  const refusals = answers.map(({ error }, index) => refusal(parts[index] as Part, error))
  return {
    faults: [
      ...flaws.map(({ path, text, params }) => ({ path, message: t(text, params) })),
      ...refusals.flatMap(({ faults }) => faults),
    ],
    checking: parts.length > 0 && (settled !== drafting || answers.some(({ isFetching }) => isFetching)),
    problem: refusals.find(({ problem }) => problem)?.problem ?? null,
  }
}

const STALE = 412

/** Somebody else changed the rules: read them again, so that the draft can be laid over theirs. */
async function readAgain(cache: QueryClient, service: string, error: unknown): Promise<never> {
  if (error instanceof ApiError && error.status === STALE)
    await cache.invalidateQueries({ queryKey: ['service', service] })
  throw error
}

function dryRun(part: Part, { service, bases, changed }: Drafting, cache: QueryClient) {
  const value = changed[part]
  const etag = bases[part]
  return {
    queryKey: ['dry-run', service, part, etag, value],
    queryFn: () =>
      writePart(part, value as never, { service, etag, reason: '', dryRun: true }).catch((error) =>
        readAgain(cache, service, error),
      ),
    enabled: value !== undefined,
    retry: false,
    retryOnMount: false,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
  }
}

/** What a refusal says, at the fields that it names. */
export function refusal(part: Part, error: unknown): { faults: Fault[]; problem: string | null } {
  if (!error) return { faults: [], problem: null }
  if (!(error instanceof ApiError)) return { faults: [], problem: String(error) }
  const faults = error.fields.map(({ path, detail }) => ({ path: fullPath(part, path), message: detail }))
  return { faults, problem: faults.length ? null : error.message }
}

export function faultCount(count: number, t: Translate): string {
  return t('draft.errors', { count, n: count })
}
