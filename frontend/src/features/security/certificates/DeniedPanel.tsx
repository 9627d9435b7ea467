import { useQuery, useQueryClient } from '@tanstack/react-query'
import { allowIdentity, CERTIFICATES, certificateQueries } from '@/api/certificates'
import { allows, useMe } from '@/api/session'
import type { DeniedIdentity } from '@/api/types'
import { type Column, DataTable } from '@/ui/DataTable'
import { FormDialog } from '@/ui/FormDialog'
import { NONE } from '@/ui/format'
import { Panel } from '@/ui/Panel'
import { Loaded } from '@/ui/States'
import { Time } from '@/ui/Time'
import { useText } from '@/ui/useText'
import { namespaceOf, serviceOf } from './state'

/** The identities that no proxy accepts, and that get no certificate until they are allowed again. */
export function DeniedPanel() {
  const t = useText()
  const query = useQuery(certificateQueries.denied())
  const columns: Column<DeniedIdentity>[] = [
    {
      key: 'identity',
      header: t('cert.identity'),
      cell: ({ identity }) => <code className="cert-spiffe">{identity}</code>,
      long: true,
    },
    { key: 'why', header: t('table.why'), cell: ({ reason }) => reason || NONE, long: true },
    { key: 'by', header: t('cert.denied.by'), cell: ({ actor }) => actor },
    { key: 'since', header: t('cert.denied.since'), cell: ({ at }) => <Time at={at} />, numeric: true },
    {
      key: 'actions',
      header: t('table.actions'),
      cell: ({ identity }) => <AllowAgain identity={identity} />,
      numeric: true,
      long: true,
    },
  ]
  return (
    <Panel title={t('cert.denied')} flush>
      <Loaded query={query} source={t('cert.denied')}>
        {(denied) =>
          denied.length ? (
            <DataTable
              label={t('cert.denied')}
              columns={columns}
              rows={denied}
              rowKey={({ identity }) => identity}
            />
          ) : (
            <p className="cert-none muted">{t('cert.denied.none')}</p>
          )
        }
      </Loaded>
    </Panel>
  )
}

function AllowAgain({ identity }: { identity: string }) {
  const t = useText()
  const cache = useQueryClient()
  const mayWrite = allows(useMe().data, 'security.write', namespaceOf(identity))
  return (
    <FormDialog
      label={t('cert.allow')}
      title={t('cert.allow.title', { identity: serviceOf(identity) })}
      compact
      blocked={mayWrite ? undefined : t('sec.blocked')}
      apply={(reason) => allowIdentity(identity, reason)}
      onDone={() => cache.invalidateQueries({ queryKey: [CERTIFICATES] })}
    >
      {() => <p>{t('cert.allow.after')}</p>}
    </FormDialog>
  )
}
