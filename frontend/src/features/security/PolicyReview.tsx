/** The last look at a policy before it is written: what differs, what it would have done, whom it reaches, and why. */
import { Button, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { SECURITY, writePolicy } from '@/api/security'
import type { Policy, PolicyValue } from '@/api/types'
import { useProxiesLive } from '@/api/useLive'
import { JsonDiff } from '@/ui/JsonDiff'
import { Panel } from '@/ui/Panel'
import { Propose } from '@/ui/Propose'
import { useText } from '@/ui/useText'
import { policyChanges } from './draft/changes'
import { covers, policyOf } from './draft/policy'
import { setApplied } from './draft/store'
import { targetWords } from './draft/words'
import { ReplayPanel } from './ReplayPanel'
import type { Drafting } from './usePolicyDraft'

type PolicyReviewProps = { drafting: Drafting; onBack: () => void; onApplied: (policy: Policy) => void }

const SIGN = { added: '+', removed: '−', changed: '~' } as const

export function PolicyReview({ drafting, onBack, onApplied }: PolicyReviewProps) {
  const t = useText()
  const cache = useQueryClient()
  const navigate = useNavigate()
  const [reason, setReason] = useState('')
  const { standing, version } = drafting
  const value = policyOf(drafting.value)
  const apply = useMutation({
    mutationFn: () => writePolicy(value, { version, reason, dryRun: false }),
    onSuccess: async (written) => {
      if (written.revision !== null)
        setApplied({ name: written.name, revision: written.revision, undo: false })
      await cache.invalidateQueries({ queryKey: [SECURITY] })
      drafting.discard()
      onApplied(written)
    },
    onError: () => cache.invalidateQueries({ queryKey: [SECURITY, 'policy'] }),
  })
  const before = standing ? valueBefore(standing) : null
  return (
    <>
      <Panel title={t('review.title')}>
        <div className="stack">
          <ul className="change-list">
            {policyChanges(before, value, t).map(({ kind, text }) => (
              <li key={kind + text} className={`change-${kind}`}>
                <span aria-hidden="true">{SIGN[kind]}</span>
                <span>{text}</span>
              </li>
            ))}
          </ul>
          <details>
            <summary className="muted">{t('sec.review.whole')}</summary>
            <JsonDiff before={before} after={value} />
          </details>
          <Reach targets={[...new Set([standing?.target ?? value.target, value.target])]} />
        </div>
      </Panel>
      <ReplayPanel value={drafting.value} ready />
      <Panel>
        <form
          className="stack"
          onSubmit={(event) => {
            event.preventDefault()
            apply.mutate()
          }}
        >
          {apply.error && (
            <p className="text-failing" role="alert">
              {apply.error.message}
            </p>
          )}
          <Propose
            error={apply.error}
            reason={reason}
            onProposed={({ id }) => {
              drafting.discard()
              navigate({ to: '/security', search: { tab: 'proposals', sel: String(id) } as never })
            }}
          />
          <TextInput
            label={t('review.reason')}
            placeholder={t('review.reason.hint')}
            value={reason}
            maxLength={500}
            onChange={(event) => setReason(event.currentTarget.value)}
          />
          <div className="row">
            <Button type="submit" size="xs" loading={apply.isPending}>
              {t(`sec.review.apply.${value.mode}`, {
                name: value.name,
                target: targetWords(value.target, t),
              })}
            </Button>
            <Button size="xs" variant="default" disabled={apply.isPending} onClick={onBack}>
              {t('action.back')}
            </Button>
          </div>
        </form>
      </Panel>
    </>
  )
}

function valueBefore({ name, target, action, mode, rules, check, description }: Policy): PolicyValue {
  return { name, target, action, mode, rules, check, description }
}

/** The proxies of the services that the policy is, or was, for. */
function Reach({ targets }: { targets: string[] }) {
  const t = useText()
  const proxies = useProxiesLive().data ?? []
  const reached = proxies.filter(({ service, kind }) =>
    targets.some((target) => (kind === 'gateway' ? target === service : covers(target, service))),
  )
  const services = [...new Set(reached.map(({ service }) => service))].sort()
  return (
    <p>
      {t('sec.review.reach', { n: reached.length, services: services.length })}{' '}
      <span className="muted">{services.join(', ')}</span>
    </p>
  )
}
