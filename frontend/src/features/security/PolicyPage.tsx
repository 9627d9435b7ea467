/** One policy, or a new one: what it says, what it does, and how to change it. */
import './texts'
import './security.css'
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { securityQueries } from '@/api/security'
import { allows, useMe } from '@/api/session'
import type { Policy } from '@/api/types'
import type { Translate } from '@/text'
import { FaultsProvider } from '@/ui/fields'
import { PageBody, PageHead } from '@/ui/Panel'
import { Loaded } from '@/ui/States'
import { useText } from '@/ui/useText'
import { AppliedPanel } from './AppliedPanel'
import { targetWords } from './draft/words'
import { PolicyActions } from './PolicyActions'
import { PolicyBar } from './PolicyBar'
import { PolicyForm } from './PolicyForm'
import { PolicyReview } from './PolicyReview'
import { ReplayPanel } from './ReplayPanel'
import { RulesEditor } from './RulesEditor'
import { UsagePanel } from './Usage'
import { usePolicyDraft, useValidity } from './usePolicyDraft'

export function PolicyPage({ name }: { name: string }) {
  const t = useText()
  const query = useQuery(securityQueries.policy(name))
  return (
    <PageBody>
      <Loaded query={query} source={t('sec.source.policy', { name })}>
        {(policy) => <PolicyView key={name} standing={policy} />}
      </Loaded>
    </PageBody>
  )
}

export function NewPolicyPage() {
  return (
    <PageBody>
      <PolicyView standing={null} />
    </PageBody>
  )
}

function PolicyView({ standing }: { standing: Policy | null }) {
  const t = useText()
  const me = useMe().data
  const navigate = useNavigate()
  const drafting = usePolicyDraft(standing)
  const validity = useValidity(drafting)
  const [reviewing, setReviewing] = useState(false)
  const mayWrite = maySet(me, standing?.target ?? '') && maySet(me, drafting.value.target)
  const review = () => {
    setReviewing(true)
    window.scrollTo({ top: 0 })
  }
  return (
    <FaultsProvider value={drafting.isChanged || standing ? validity.faults : []}>
      <PageHead
        sentence={headline(standing, t)}
        detail={standing?.description}
        actions={standing && <PolicyActions policy={standing} mayWrite={mayWrite} />}
      />
      <AppliedPanel name={standing?.name} />
      {reviewing ? (
        <PolicyReview
          drafting={drafting}
          onBack={() => setReviewing(false)}
          onApplied={({ name }) => {
            setReviewing(false)
            if (!standing) navigate({ to: '/security/policies/$name', params: { name } })
          }}
        />
      ) : (
        <>
          <PolicyForm drafting={drafting} mayWrite={mayWrite} />
          <RulesEditor value={drafting.value} onChange={drafting.set} mayWrite={mayWrite} />
          <ReplayPanel value={drafting.value} ready={validity.faults.length === 0 && !validity.checking} />
          {standing && <UsagePanel policy={standing.name} />}
          <PolicyBar drafting={drafting} validity={validity} onReview={review} />
        </>
      )}
    </FaultsProvider>
  )
}

/** A policy for the mesh is written mesh-wide; an unfinished target is refused when it is sent. */
function maySet(me: Parameters<typeof allows>[0], target: string): boolean {
  if (target === '') return true
  return allows(me, 'security.write', target === '*' ? undefined : target.split('/')[0])
}

function headline(standing: Policy | null, t: Translate): string {
  if (!standing) return t('sec.policy.new')
  const { name, action, mode, target } = standing
  return t(`sec.policy.sentence.${mode}.${action}`, { name, target: targetWords(target, t) })
}
