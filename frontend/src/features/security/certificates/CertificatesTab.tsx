/** Every workload's identity and the certificate that proves it: how long it lasts, when the next one comes. */
import './texts'
import './certificates.css'
import { Select, TextInput } from '@mantine/core'
import { IconSearch } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { certificateQueries } from '@/api/certificates'
import { allowsAnywhere, useMe } from '@/api/session'
import type { Certificate } from '@/api/types'
import { useProxiesLive } from '@/api/useLive'
import type { Translate } from '@/text'
import { Chip } from '@/ui/Chip'
import { Countdown } from '@/ui/Countdown'
import { PageHead, Panel } from '@/ui/Panel'
import { EmptyState, Loaded } from '@/ui/States'
import { useNow } from '@/ui/useNow'
import { useText } from '@/ui/useText'
import { useUrlState } from '@/ui/useUrlState'
import { CertificateTable } from './CertificateTable'
import { DeniedPanel } from './DeniedPanel'
import { namespaceOf, STATES, serviceOf, short, stateOf } from './state'

const DEFAULTS = { q: '', state: '', namespace: '', issuer: '', proxy: '', sort: 'ends' }
type Filters = typeof DEFAULTS
type SetFilters = (patch: Partial<Filters>) => void

export default function CertificatesTab() {
  const t = useText()
  const now = useNow(5000)
  const [filters, set] = useUrlState(DEFAULTS)
  const current = useQuery(certificateQueries.current())
  const history = useQuery({ ...certificateQueries.ofProxy(filters.proxy), enabled: Boolean(filters.proxy) })
  const names = new Map((useProxiesLive().data ?? []).map(({ id, name }) => [id, name]))
  return (
    <>
      <Head certificates={current.data} now={now} />
      <Panel flush>
        <FilterBar filters={filters} set={set} certificates={current.data ?? []} names={names} />
        <Loaded query={filters.proxy ? history : current} source={t('cert.source')}>
          {(all) => {
            const shown = all.filter((each) => matches(each, filters, names, now))
            if (shown.length) {
              return (
                <CertificateTable
                  certificates={shown}
                  holders={current.data ?? []}
                  names={names}
                  now={now}
                  sort={filters.sort}
                  onSort={(sort) => set({ sort })}
                />
              )
            }
            return all.length ? (
              <EmptyState title={t('filter.nothing')} next={t('filter.nothing.next')} />
            ) : (
              <EmptyState title={t('cert.empty')} next={t('cert.empty.next')} />
            )
          }}
        </Loaded>
      </Panel>
      <DeniedPanel />
    </>
  )
}

function matches(
  certificate: Certificate,
  { q, state, namespace, issuer }: Filters,
  names: ReadonlyMap<string, string>,
  now: number,
): boolean {
  const { identity, proxy, serial } = certificate
  const text = `${identity} ${proxy} ${names.get(proxy) ?? ''} ${serial}`
  return (
    text.toLowerCase().includes(q.toLowerCase()) &&
    (!state || stateOf(certificate, now) === state) &&
    (!namespace || namespaceOf(identity) === namespace) &&
    (!issuer || certificate.issuer === issuer)
  )
}

/** What is wrong, or that nothing is, and what happens next. */
function Head({ certificates, now }: { certificates: Certificate[] | undefined; now: number }) {
  const t = useText()
  const mayJoin = allowsAnywhere(useMe().data, 'security.write')
  const next = certificates
    ?.filter((each) => each.renews_at && each.held)
    .sort((a, b) => ((a.renews_at ?? '') < (b.renews_at ?? '') ? -1 : 1))[0]
  return (
    <PageHead
      sentence={certificates ? sentenceOf(certificates, now, t) : t('sec.tab.certificates')}
      detail={
        next && (
          <>
            {t('cert.next', { identity: serviceOf(next.identity) })} <Countdown to={next.renews_at} />
          </>
        )
      }
      actions={
        mayJoin && (
          <Link to="/settings" search={{ tab: 'join' } as never}>
            {t('cert.join')}
          </Link>
        )
      }
    />
  )
}

function sentenceOf(certificates: readonly Certificate[], now: number, t: Translate): string {
  const count = (state: string) => certificates.filter((each) => stateOf(each, now) === state).length
  const [late, expired, revoked] = [count('late'), count('expired'), count('revoked')]
  const n = certificates.length - revoked - expired
  return late || expired ? t('cert.sentence.late', { n, late, expired }) : t('cert.sentence', { n })
}

type FilterBarProps = {
  filters: Filters
  set: SetFilters
  certificates: readonly Certificate[]
  names: ReadonlyMap<string, string>
}

function FilterBar({ filters, set, certificates, names }: FilterBarProps) {
  const t = useText()
  const namespaces = [...new Set(certificates.map(({ identity }) => namespaceOf(identity)))].sort()
  return (
    <div className="filters">
      <TextInput
        size="xs"
        leftSection={<IconSearch size={14} />}
        aria-label={t('cert.search')}
        placeholder={t('cert.search')}
        value={filters.q}
        onChange={(event) => set({ q: event.currentTarget.value })}
      />
      <Select
        size="xs"
        w={136}
        aria-label={t('table.state')}
        placeholder={t('cert.anyState')}
        value={filters.state || null}
        data={STATES.map((value) => ({ value, label: t(`cert.state.${value}`) }))}
        clearable
        onChange={(next) => set({ state: next ?? '' })}
      />
      <Select
        size="xs"
        aria-label={t('cert.namespace')}
        placeholder={t('cert.namespace')}
        value={filters.namespace || null}
        data={namespaces}
        clearable
        onChange={(next) => set({ namespace: next ?? '' })}
      />
      {filters.issuer && (
        <Chip
          label={t('cert.signedBy', { issuer: short(filters.issuer) })}
          removeLabel={t('cert.anyIssuer')}
          onRemove={() => set({ issuer: '' })}
        />
      )}
      {filters.proxy && (
        <Chip
          label={t('cert.historyOf', { proxy: names.get(filters.proxy) ?? filters.proxy })}
          removeLabel={t('cert.allProxies')}
          onRemove={() => set({ proxy: '' })}
        />
      )}
    </div>
  )
}
