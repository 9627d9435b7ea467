/** Who signs the tokens of requests: their keys, who relies on them, and how fetching the keys fares. */
import { Button } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { deleteProvider, refreshKeys, SECURITY, securityQueries } from '@/api/security'
import { allows, allowsAnywhere, useMe } from '@/api/session'
import type { JwtProvider } from '@/api/types'
import type { Translate } from '@/text'
import { type Column, DataTable } from '@/ui/DataTable'
import { FormDialog } from '@/ui/FormDialog'
import { NONE } from '@/ui/format'
import { ToneMark } from '@/ui/Mark'
import { PageHead, Panel } from '@/ui/Panel'
import { EmptyState, Loaded } from '@/ui/States'
import { Time } from '@/ui/Time'
import { useText } from '@/ui/useText'
import { ProviderDialog } from './ProviderDialog'

export default function ProvidersTab() {
  const t = useText()
  const query = useQuery(securityQueries.providers())
  const mayWrite = allowsAnywhere(useMe().data, 'security.write')
  return (
    <>
      <PageHead
        sentence={query.data ? sentenceOf(query.data, t) : t('sec.tab.tokens')}
        detail={t('sec.providers.detail')}
        actions={mayWrite && <ProviderDialog standing={null} />}
      />
      <Panel flush>
        <Loaded query={query} source={t('sec.source.providers')}>
          {(providers) =>
            providers.length ? (
              <ProviderTable providers={providers} />
            ) : (
              <EmptyState title={t('sec.providers.empty')} next={t('sec.providers.empty.next')} />
            )
          }
        </Loaded>
      </Panel>
    </>
  )
}

function sentenceOf(providers: JwtProvider[], t: Translate): string {
  const failing = providers.filter(({ failing_since }) => failing_since !== null).length
  const n = providers.length
  return failing ? t('sec.providers.sentence.failing', { n, failing }) : t('sec.providers.sentence', { n })
}

function ProviderTable({ providers }: { providers: JwtProvider[] }) {
  const t = useText()
  const columns: Column<JwtProvider>[] = [
    {
      key: 'name',
      header: t('sec.provider'),
      cell: ({ name, namespace, description }) => (
        <div className="sec-cell">
          <strong>{name}</strong> <span className="muted">{namespace || t('sec.mtls.mesh')}</span>
          {description && <div className="muted">{description}</div>}
        </div>
      ),
    },
    {
      key: 'issuer',
      header: t('sec.provider.issuer'),
      cell: ({ issuer, audiences }) => (
        <div className="sec-cell">
          <code>{issuer}</code>
          <div className="muted">
            {audiences.length
              ? t('sec.provider.for', { audiences: audiences.join(', ') })
              : t('sec.provider.forAnybody')}
          </div>
        </div>
      ),
      long: true,
    },
    {
      key: 'algorithms',
      header: t('sec.provider.algorithms'),
      cell: ({ algorithms }) => algorithms.join(', '),
    },
    {
      key: 'keys',
      header: t('sec.provider.keys'),
      cell: (provider) => <Keys provider={provider} />,
      long: true,
    },
    {
      key: 'used',
      header: t('sec.provider.usedBy'),
      cell: ({ used_by: { policies, settings } }) => [...policies, ...settings].join(', ') || NONE,
      long: true,
    },
    {
      key: 'actions',
      header: t('table.actions'),
      cell: (provider) => <Actions provider={provider} />,
      long: true,
    },
  ]
  return (
    <DataTable label={t('sec.tab.tokens')} columns={columns} rows={providers} rowKey={({ name }) => name} />
  )
}

/** The keys in force, and where they come from. The last good ones stay where fetching fails. */
function Keys({ provider }: { provider: JwtProvider }) {
  const t = useText()
  const { keys, jwks_url, fetched_at, failing_since, fetch_error } = provider
  const names = keys.map(({ kid, kty }) => kid || kty).join(', ')
  return (
    <div className="sec-cell">
      {keys.length ? (
        <ToneMark tone={failing_since ? 'degraded' : 'healthy'} label={names} />
      ) : (
        <ToneMark tone="failing" label={t('sec.provider.noKeys')} />
      )}
      {jwks_url ? (
        <div className="muted">
          {fetched_at ? (
            <>
              {t('sec.provider.fetched')} <Time at={fetched_at} />
            </>
          ) : (
            t('sec.provider.neverFetched')
          )}
        </div>
      ) : (
        <div className="muted">{t('sec.provider.given')}</div>
      )}
      {failing_since && (
        <div className="text-failing">
          {t('sec.provider.failing')} <Time at={failing_since} />: {fetch_error}
        </div>
      )}
    </div>
  )
}

function Actions({ provider }: { provider: JwtProvider }) {
  const t = useText()
  const cache = useQueryClient()
  const mayWrite = allows(useMe().data, 'security.write', provider.namespace || undefined)
  const blocked = mayWrite ? undefined : t('sec.blocked')
  const { policies, settings } = provider.used_by
  const changed = () => cache.invalidateQueries({ queryKey: [SECURITY] })
  const fetch = useMutation({ mutationFn: () => refreshKeys(provider.name), onSettled: changed })
  return (
    <span className="row">
      {provider.jwks_url && mayWrite && (
        <Button size="compact-xs" variant="default" loading={fetch.isPending} onClick={() => fetch.mutate()}>
          {t('sec.provider.fetch')}
        </Button>
      )}
      <ProviderDialog standing={provider} blocked={blocked} />
      <FormDialog
        label={t('catalog.delete')}
        title={t('sec.delete.title', { name: provider.name })}
        danger
        compact
        blocked={blocked ?? (policies.length + settings.length ? t('sec.provider.inUse') : undefined)}
        apply={(reason) => deleteProvider(provider, reason)}
        onDone={changed}
      >
        {() => <p>{t('sec.provider.delete', { issuer: provider.issuer })}</p>}
      </FormDialog>
    </span>
  )
}
