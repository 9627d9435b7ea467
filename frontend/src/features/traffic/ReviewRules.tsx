import { useMutation, useQueryClient } from '@tanstack/react-query'
import { lazy, Suspense } from 'react'
import type { ServiceTraffic } from '@/api/types'
import { Panel } from '@/ui/Panel'
import { BlockSkeleton } from '@/ui/States'
import { useText } from '@/ui/useText'
import { DryRunPanel } from './DryRunPanel'
import { ruleChanges } from './draft/changes'
import { PARTS, type Part } from './draft/rules'
import { type Applied, setApplied } from './draft/store'
import { Overtaken } from './Overtaken'
import { Review } from './Review'
import type { Drafting } from './useRules'
import { refusal, type Validity } from './useValidation'
import { writePart } from './writeRules'

const YamlDiff = lazy(() => import('./YamlDiff'))
const SIGN = { added: '+', removed: '−', changed: '~' } as const

type ReviewRulesProps = {
  drafting: Drafting
  validity: Validity
  traffic: ServiceTraffic | undefined
  onCancel: () => void
  onApplied: () => void
}

/** The whole draft before it is applied: a sentence for each change, the YAML, the reach. */
export function ReviewRules({ drafting, validity, traffic, onCancel, onApplied }: ReviewRulesProps) {
  const t = useText()
  const { service, desired, changed } = drafting
  const apply = useApply(drafting, onApplied)
  const changes = ruleChanges(desired, changed, t)
  const before = Object.fromEntries(Object.keys(changed).map((part) => [part, desired[part as Part]]))
  const { faults, checking } = validity
  const ready = faults.length === 0 && !checking && changes.length > 0 && drafting.overtaken.length === 0
  const refused = apply.error instanceof PartRefused ? apply.error : null
  return (
    <Panel>
      <Review
        service={service}
        traffic={traffic}
        error={refused?.message ?? validity.problem ?? validity.faults[0]?.message ?? null}
        ready={ready}
        busy={apply.isPending}
        applyLabel={t('review.apply', { n: changes.length, count: changes.length, service })}
        onCancel={onCancel}
        onApply={(reason) => apply.mutate(reason)}
      >
        <Overtaken drafting={drafting} />
        <ul className="change-list">
          {changes.map(({ part, kind, text }) => (
            <li key={`${part}:${text}`} className={`change-${kind}`}>
              <span aria-hidden="true">{SIGN[kind]}</span>
              <span className="visually-hidden">{t(`kind.${kind}`)}</span>
              {text}
            </li>
          ))}
        </ul>
        {(changed.routes || changed.split) && validity.faults.length === 0 && (
          <DryRunPanel service={service} routes={changed.routes} split={changed.split} />
        )}
        <Suspense fallback={<BlockSkeleton />}>
          <YamlDiff before={before} after={changed} />
        </Suspense>
      </Review>
    </Panel>
  )
}

class PartRefused extends Error {}

/** Writes part by part. What went through stays and leaves the draft; the first refusal ends it. */
function useApply(drafting: Drafting, onApplied: () => void) {
  const cache = useQueryClient()
  const { service, changed, bases, discard } = drafting
  return useMutation({
    mutationFn: async (reason: string) => {
      const made: Applied[] = []
      try {
        for (const part of PARTS.filter((each) => changed[each] !== undefined)) {
          const write = { service, etag: bases[part], reason, dryRun: false }
          const revision = await writePart(part, changed[part] as never, write).catch((error) => {
            throw refused(part, error)
          })
          if (revision !== null) made.push({ revision })
          discard([part])
        }
      } finally {
        if (made.length) setApplied(service, made)
        await cache.invalidateQueries({ queryKey: ['service', service] })
      }
    },
    onSuccess: onApplied,
  })
}

function refused(part: Part, error: unknown): PartRefused {
  const { faults, problem } = refusal(part, error)
  return new PartRefused(problem ?? faults.map(({ path, message }) => `${path}: ${message}`).join(' '))
}
