import { useQuery, useQueryClient } from '@tanstack/react-query'
import { PROPOSALS, proposalQueries, proposeOne, requireTwo } from '@/api/proposals'
import { queries } from '@/api/queries'
import { allows, useMe } from '@/api/session'
import { type Column, DataTable } from '@/ui/DataTable'
import { FormDialog } from '@/ui/FormDialog'
import { Panel } from '@/ui/Panel'
import { Loaded } from '@/ui/States'
import { useText } from '@/ui/useText'

/** `namespace` of null is the whole mesh. */
type Scope = { namespace: string | null; required: boolean }

/** Where changes of security take two people. */
export function RulesPanel() {
  const t = useText()
  const query = useQuery(proposalQueries.rules())
  const namespaces = (useQuery(queries.namespaces()).data ?? []).map(({ name }) => name)
  const columns: Column<Scope>[] = [
    {
      key: 'scope',
      header: t('proposals.scope'),
      cell: ({ namespace }) => namespace ?? t('proposals.mesh'),
    },
    {
      key: 'rule',
      header: t('proposals.rule'),
      cell: ({ namespace, required }) =>
        required ? (
          <strong>{t('proposals.two')}</strong>
        ) : (
          <span className="muted">
            {t(namespace !== null && query.data?.mesh ? 'proposals.two.byMesh' : 'proposals.one')}
          </span>
        ),
    },
    {
      key: 'actions',
      header: t('table.actions'),
      cell: (scope) => <SetRule {...scope} />,
      numeric: true,
      long: true,
    },
  ]
  return (
    <Panel title={t('proposals.rules')} flush>
      <Loaded query={query} source={t('proposals.rules')}>
        {(rules) => (
          <DataTable
            label={t('proposals.rules')}
            columns={columns}
            rows={[
              { namespace: null, required: rules.mesh },
              ...[...new Set([...namespaces, ...rules.namespaces])]
                .sort()
                .map((namespace) => ({ namespace, required: rules.namespaces.includes(namespace) })),
            ]}
            rowKey={({ namespace }) => namespace ?? '*'}
          />
        )}
      </Loaded>
    </Panel>
  )
}

/** Beginning takes one person, ending two: it is proposed like what it guards. */
function SetRule({ namespace, required }: Scope) {
  const t = useText()
  const cache = useQueryClient()
  const mayWrite = allows(useMe().data, 'security.write', namespace ?? undefined)
  const act = required ? 'end' : 'begin'
  const scope = namespace ?? t('proposals.mesh')
  return (
    <FormDialog
      label={t(`proposals.rule.${act}`)}
      title={t(`proposals.rule.${act}.title`, { scope })}
      compact
      blocked={mayWrite ? undefined : t('sec.blocked')}
      apply={async (reason) => {
        await (required ? proposeOne(namespace, reason) : requireTwo(namespace, reason))
      }}
      onDone={() => cache.invalidateQueries({ queryKey: [PROPOSALS] })}
    >
      {() => <p>{t(`proposals.rule.${act}.after`)}</p>}
    </FormDialog>
  )
}
