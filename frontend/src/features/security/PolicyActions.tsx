import { Button } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { deletePolicy, enforcePolicy, SECURITY, securityQueries } from '@/api/security'
import type { Policy } from '@/api/types'
import { FormDialog } from '@/ui/FormDialog'
import { formatCount } from '@/ui/format'
import { useText } from '@/ui/useText'
import { draftOf, policyOf } from './draft/policy'
import { discardDraft, setApplied } from './draft/store'
import { targetWords } from './draft/words'
import { replayWords } from './ReplayPanel'

/** What can be done to a policy as it stands. */
export function PolicyActions({ policy, mayWrite }: { policy: Policy; mayWrite: boolean }) {
  const t = useText()
  const blocked = mayWrite ? undefined : t('sec.blocked')
  return (
    <>
      {policy.mode === 'shadow' && <Enforce policy={policy} blocked={blocked} />}
      <Button
        size="xs"
        variant="default"
        renderRoot={(props) => (
          <Link to="/changes" search={{ object: `policy:${policy.name}` } as never} {...props} />
        )}
      >
        {t('nav.changes')}
      </Button>
      <Delete policy={policy} blocked={blocked} />
    </>
  )
}

type ActionProps = { policy: Policy; blocked: string | undefined; compact?: boolean }

/** From shadow to force, after being told what that would have done lately. */
export function Enforce({ policy, blocked, compact }: ActionProps) {
  const t = useText()
  const cache = useQueryClient()
  const names = { name: policy.name, target: targetWords(policy.target, t) }
  return (
    <FormDialog
      label={t('sec.enforce')}
      title={t('sec.enforce.title', names)}
      submit={t('sec.enforce.submit', names)}
      primary={!compact}
      compact={compact}
      blocked={blocked}
      apply={(reason) => enforcePolicy(policy, reason)}
      onDone={({ name, revision }) => {
        if (revision !== null) setApplied({ name, revision, undo: false })
        cache.invalidateQueries({ queryKey: [SECURITY] })
      }}
    >
      {() => <WouldDo policy={policy} />}
    </FormDialog>
  )
}

function WouldDo({ policy }: { policy: Policy }) {
  const t = useText()
  const { data } = useQuery(securityQueries.replay(policyOf(draftOf(policy)), '1h'))
  return <p>{data ? replayWords(data, t) : t('state.loading')}</p>
}

function Delete({ policy, blocked }: ActionProps) {
  const t = useText()
  const cache = useQueryClient()
  const navigate = useNavigate()
  const { name } = policy
  const used =
    useQuery(securityQueries.usage('15m')).data?.policies.filter((use) => use.policy === name) ?? []
  const decided = used.reduce((sum, { allowed, denied }) => sum + allowed + denied, 0)
  const target = targetWords(policy.target, t)
  return (
    <FormDialog
      label={t('catalog.delete')}
      title={t('sec.delete.title', { name })}
      submit={t('sec.delete.title', { name })}
      danger
      blocked={blocked}
      apply={(reason) => deletePolicy(policy, reason)}
      onDone={(revision) => {
        discardDraft(name)
        setApplied(revision === null ? null : { name, revision, undo: false })
        cache.removeQueries({ queryKey: securityQueries.policy(name).queryKey })
        cache.invalidateQueries({ queryKey: [SECURITY, 'policies'] })
        navigate({ to: '/security' })
      }}
    >
      {() => (
        <>
          <p>{t('sec.delete.touches', { target, count: formatCount(decided), n: decided })}</p>
          <p>{t(policy.action === 'allow' ? 'sec.delete.allow' : 'sec.delete.deny', { target })}</p>
        </>
      )}
    </FormDialog>
  )
}
