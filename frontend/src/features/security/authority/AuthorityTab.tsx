/** Who signs the proxies' certificates, what others need to verify them, and how the root is replaced. */
import './texts'
import './authority.css'
import { useQuery } from '@tanstack/react-query'
import { authorityQueries, isUnderWay } from '@/api/authority'
import { useMay } from '@/api/session'
import type { Authority } from '@/api/types'
import type { Translate } from '@/text'
import { formatCount, formatRelative, formatSpan } from '@/ui/format'
import { Facts, PageHead, Panel } from '@/ui/Panel'
import { BlockSkeleton, Loaded } from '@/ui/States'
import { Time } from '@/ui/Time'
import { useNow } from '@/ui/useNow'
import { useText } from '@/ui/useText'
import { AuthorityTable } from './AuthorityTable'
import { BundlePanel } from './BundlePanel'
import { EarlierRotations } from './EarlierRotations'
import { OfferDialog } from './OfferDialog'
import { RequestPanel } from './RequestPanel'
import { RotationPanel } from './RotationPanel'

export default function AuthorityTab() {
  const t = useText()
  const now = useNow(5000)
  const query = useQuery(authorityQueries.authority())
  const mayWrite = useMay('security.write')
  const blocked = mayWrite ? undefined : t('sec.blocked')
  const busy = isUnderWay(query.data?.rotation) ? t('auth.busy') : undefined
  return (
    <>
      <PageHead
        sentence={query.data ? sentenceOf(query.data, now, t) : t('sec.tab.authority')}
        detail={query.data?.renewal.automatic === false ? query.data.renewal.detail : undefined}
        actions={
          query.data && (
            <>
              <OfferDialog into="rotation" authority={query.data} blocked={blocked ?? busy} />
              <OfferDialog into="intermediate" authority={query.data} blocked={blocked ?? busy} />
            </>
          )
        }
      />
      <Loaded query={query} source={t('auth.source')} skeleton={<BlockSkeleton height={320} />}>
        {(authority) => (
          <>
            {isUnderWay(authority.rotation) && (
              <RotationPanel rotation={authority.rotation} blocked={blocked} />
            )}
            <Panel title={t('auth.chain')} flush>
              <AuthorityTable authority={authority} />
            </Panel>
            <Panel title={t('auth.signing')}>
              <SigningFacts authority={authority} />
            </Panel>
            <RequestPanel request={authority.request} blocked={blocked} />
            <BundlePanel />
          </>
        )}
      </Loaded>
      <EarlierRotations />
    </>
  )
}

function sentenceOf({ certificates, rotation, renewal }: Authority, now: number, t: Translate): string {
  if (isUnderWay(rotation)) return t(`rotation.sentence.${rotation.paused ? 'paused' : rotation.state}`)
  const root = certificates.find(({ kind, state }) => kind === 'root' && state === 'active')
  if (!root) return t('auth.sentence.none')
  const ends = formatRelative(root.not_after, now)
  if (!renewal.at) return t('auth.sentence', { ends })
  return t(renewal.automatic ? 'auth.sentence.automatic' : 'auth.sentence.manual', {
    ends,
    at: formatRelative(renewal.at, now),
  })
}

function SigningFacts({
  authority: { renewal, leaf_ttl_s, csr_rate, leaves, signer },
}: {
  authority: Authority
}) {
  const t = useText()
  return (
    <Facts
      items={[
        [t('auth.leafTtl'), formatSpan(leaf_ttl_s)],
        [t('auth.rate'), t('auth.rate.value', { n: csr_rate })],
        [
          t('auth.leaves'),
          t('auth.leaves.value', {
            n: formatCount(leaves.current),
            late: leaves.late,
            ending: leaves.ending,
          }),
        ],
        [t('auth.renewal'), renewal.at ? <Time key="at" at={renewal.at} /> : t('auth.renewal.none')],
        [t('auth.renewal.how'), t(renewal.automatic ? 'auth.renewal.automatic' : 'auth.renewal.manual')],
        [t('auth.signer'), t(signer ? 'auth.signer.yes' : 'auth.signer.no')],
      ]}
    />
  )
}
