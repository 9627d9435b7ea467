import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { queries } from '@/api/queries'
import { useMay } from '@/api/session'
import type { Change } from '@/api/types'
import { AckBar } from '@/ui/AckBar'
import { NONE } from '@/ui/format'
import { JsonDiff } from '@/ui/JsonDiff'
import { Facts, PageBody, PageHead, Panel } from '@/ui/Panel'
import { BlockSkeleton, Loaded } from '@/ui/States'
import { Time } from '@/ui/Time'
import { useText } from '@/ui/useText'
import { ObjectLink } from './ChangesTable'
import { RevertButton } from './RevertButton'

export function ChangeView({ id }: { id: number }) {
  const t = useText()
  const query = useQuery(queries.change(id))
  return (
    <PageBody>
      <Loaded query={query} source={t('source.change', { id })} skeleton={<BlockSkeleton height={320} />}>
        {(change) => <ChangeDetail change={change} />}
      </Loaded>
    </PageBody>
  )
}

function ChangeDetail({ change }: { change: Change }) {
  const t = useText()
  const mayWrite = useMay('traffic.write', change.namespace || undefined)
  const [reverted, setReverted] = useState<number | null>(null)
  return (
    <>
      <PageHead
        sentence={t('change.sentence', { id: change.id, actor: change.actor, summary: change.summary })}
        actions={change.revertible && mayWrite && <RevertButton change={change} onReverted={setReverted} />}
      />
      {reverted !== null && <AckBar revision={reverted} />}
      <Panel>
        <Facts
          items={[
            [t('changes.object'), <ObjectLink key="object" object={change.object} />],
            [t('changes.at'), <Time key="at" at={change.at} />],
            [t('changes.actor'), change.actor],
            [t('changes.address'), change.address || NONE],
            [t('changes.action'), <code key="action">{change.action}</code>],
            [t('changes.reason'), change.reason || NONE],
          ]}
        />
      </Panel>
      <Panel title={t('change.diff')} flush>
        {change.before || change.after ? (
          <JsonDiff before={change.before} after={change.after} />
        ) : (
          <p className="panel-body muted">{t('change.noDiff')}</p>
        )}
      </Panel>
      {reverted === null && <ArrivedPanel revision={change.revision} />}
    </>
  )
}

/** Revisions are kept for a while only; an old change has none to show. */
function ArrivedPanel({ revision }: { revision: number }) {
  const query = useQuery({ ...queries.revision(revision), retry: false })
  return query.data ? <AckBar revision={revision} /> : null
}
