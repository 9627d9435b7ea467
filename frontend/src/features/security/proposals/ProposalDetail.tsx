import { useQueryClient } from '@tanstack/react-query'
import { type Decision, decide, PROPOSALS } from '@/api/proposals'
import { SECURITY } from '@/api/security'
import { allows, useMe } from '@/api/session'
import type { Proposal } from '@/api/types'
import { AckBar } from '@/ui/AckBar'
import { FormDialog } from '@/ui/FormDialog'
import { JsonDiff } from '@/ui/JsonDiff'
import { Facts } from '@/ui/Panel'
import { Time } from '@/ui/Time'
import { useText } from '@/ui/useText'

/** What a proposal would change, and what became of it. */
export function ProposalDetail({ proposal }: { proposal: Proposal }) {
  const t = useText()
  const { method, path, before, after, decided_by, decided_at, decision_reason, revision } = proposal
  return (
    <div className="stack proposal">
      {proposal.state === 'open' ? (
        <Decisions proposal={proposal} />
      ) : (
        <Facts
          items={[
            [t('proposals.decidedBy'), decided_by],
            [t('proposals.decidedAt'), <Time key="at" at={decided_at} />],
            [t('review.reason'), decision_reason || '–'],
          ]}
        />
      )}
      {revision !== null && <AckBar revision={revision} />}
      <JsonDiff before={before} after={after} />
      <p className="muted">
        <code>
          {method} /api/v1/{path}
        </code>
      </p>
    </div>
  )
}

/** Whoever proposed it can only take it back; whoever may write there decides. */
function Decisions({ proposal }: { proposal: Proposal }) {
  const t = useText()
  const me = useMe().data
  if (proposal.author === me?.username) {
    return (
      <div className="row">
        <Decide proposal={proposal} decision="withdraw" />
        <span className="muted">{t('proposals.own')}</span>
      </div>
    )
  }
  const blocked = allows(me, 'security.write', proposal.namespace || undefined) ? undefined : t('sec.blocked')
  return (
    <div className="row">
      <Decide proposal={proposal} decision="approve" blocked={blocked} />
      <Decide proposal={proposal} decision="reject" blocked={blocked} />
    </div>
  )
}

type DecideProps = { proposal: Proposal; decision: Decision; blocked?: string }

function Decide({ proposal: { id, object, author }, decision, blocked }: DecideProps) {
  const t = useText()
  const cache = useQueryClient()
  return (
    <FormDialog
      label={t(`proposals.${decision}`)}
      title={t(`proposals.${decision}.title`, { id, object })}
      primary={decision === 'approve'}
      danger={decision === 'reject'}
      blocked={blocked}
      reasonRequired={decision === 'reject'}
      apply={(reason) => decide(id, decision, reason)}
      onDone={() => {
        cache.invalidateQueries({ queryKey: [PROPOSALS] })
        cache.invalidateQueries({ queryKey: [SECURITY] })
      }}
    >
      {() => <p>{t(`proposals.${decision}.after`, { author })}</p>}
    </FormDialog>
  )
}
