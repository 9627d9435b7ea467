/** What decides who may call one service: the policies that apply to it, what they decided lately, and how it receives. */
import './texts'
import './security.css'
import { Button } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { securityQueries } from '@/api/security'
import { allows, useMe } from '@/api/session'
import type { Policy } from '@/api/types'
import { type Column, DataTable } from '@/ui/DataTable'
import { Facts, Panel } from '@/ui/Panel'
import { EmptyState, Loaded } from '@/ui/States'
import { useText } from '@/ui/useText'
import { newPolicy } from './draft/policy'
import { targetWords } from './draft/words'
import { scopeWords } from './MtlsTab'
import { RulesInShort } from './PolicyList'
import { ActionMark, ModeMark, PolicyLink } from './parts'
import { StartDraft } from './StartDraft'
import { countColumns, countsByPolicy, USAGE_WINDOW } from './Usage'

export default function ServicePolicies({ service }: { service: string }) {
  const t = useText()
  const query = useQuery(securityQueries.policies({ service }))
  const mayWrite = allows(useMe().data, 'security.write', service.split('/')[0])
  return (
    <>
      <Panel
        title={t('sec.service.title', { service })}
        aside={
          <>
            <Button
              size="xs"
              variant="default"
              renderRoot={(props) => (
                <Link to="/security" search={{ tab: 'suggest', service } as never} {...props} />
              )}
            >
              {t('sec.tab.suggest')}
            </Button>
            {mayWrite && <StartDraft label={t('sec.policy.create')} value={() => newPolicy(service)} />}
          </>
        }
        flush
      >
        <Loaded query={query} source={t('sec.source.policies')}>
          {(policies) =>
            policies.length ? (
              <Applying service={service} policies={policies} />
            ) : (
              <EmptyState title={t('sec.service.none')} next={t('sec.service.none.next')} />
            )
          }
        </Loaded>
      </Panel>
      <Receives service={service} />
    </>
  )
}

function Applying({ service, policies }: { service: string; policies: Policy[] }) {
  const t = useText()
  const uses = useQuery(securityQueries.usage(USAGE_WINDOW, service)).data?.policies ?? []
  const counts = countsByPolicy(uses)
  const columns: Column<Policy>[] = [
    { key: 'name', header: t('sec.policy'), cell: ({ name }) => <PolicyLink name={name} /> },
    { key: 'target', header: t('sec.policy.target'), cell: ({ target }) => targetWords(target, t) },
    { key: 'action', header: t('sec.policy.action'), cell: ({ action }) => <ActionMark action={action} /> },
    { key: 'mode', header: t('sec.policy.mode'), cell: ({ mode }) => <ModeMark mode={mode} /> },
    { key: 'rules', header: t('sec.rules'), cell: (policy) => <RulesInShort policy={policy} />, long: true },
    ...countColumns<Policy>(t, ({ name }) => counts.get(name)),
  ]
  return (
    <div className="sec-policies">
      <DataTable
        label={t('sec.service.title', { service })}
        columns={columns}
        rows={policies}
        rowKey={({ name }) => name}
      />
    </div>
  )
}

function Receives({ service }: { service: string }) {
  const t = useText()
  const found = useQuery(securityQueries.mtls()).data?.effective.find((each) => each.service === service)
  if (!found?.mtls) return null
  return (
    <Panel label={t('sec.mtls.effective')}>
      <Facts
        items={[
          ['mTLS', `${t(`sec.mtls.${found.mtls}`)} (${scopeWords(found.mtls_from, t)})`],
          [
            t('sec.mtls.default'),
            `${t(`sec.default.${found.default_action}`)} (${scopeWords(found.default_from, t)})`,
          ],
        ]}
      />
    </Panel>
  )
}
