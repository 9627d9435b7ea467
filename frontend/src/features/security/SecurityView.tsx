/** Who may call whom: policies, what they come to, and what is asked about them. */
import './texts'
import './security.css'
import { Tabs } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { lazy, Suspense, useEffect, useRef } from 'react'
import { PageBody } from '@/ui/Panel'
import { BlockSkeleton } from '@/ui/States'
import { useText } from '@/ui/useText'
import { useUrlState } from '@/ui/useUrlState'
import { PolicyList } from './PolicyList'

const MatrixTab = lazy(() => import('./MatrixTab'))
const ExplainTab = lazy(() => import('./ExplainTab'))
const SuggestTab = lazy(() => import('./SuggestTab'))
const MtlsTab = lazy(() => import('./MtlsTab'))
const ProvidersTab = lazy(() => import('./ProvidersTab'))
const CertificatesTab = lazy(() => import('./certificates/CertificatesTab'))
const AuthorityTab = lazy(() => import('./authority/AuthorityTab'))
const ProposalsTab = lazy(() => import('./proposals/ProposalsTab'))

const TABS = {
  policies: PolicyList,
  matrix: MatrixTab,
  explain: ExplainTab,
  suggest: SuggestTab,
  mtls: MtlsTab,
  tokens: ProvidersTab,
  certificates: CertificatesTab,
  authority: AuthorityTab,
  proposals: ProposalsTab,
} as const
type Tab = keyof typeof TABS
const NAMES = Object.keys(TABS) as Tab[]
const DEFAULTS = { tab: 'policies' }

/** A tab leaves the filters of the others behind. */
export function SecurityView() {
  const t = useText()
  const navigate = useNavigate()
  const [{ tab }] = useUrlState(DEFAULTS)
  const current = NAMES.find((name) => name === tab) ?? 'policies'
  const View = TABS[current]
  const list = useRef<HTMLDivElement>(null)
  // On a phone the tabs are wider than the page.
  useEffect(() => {
    const tab = list.current?.children[NAMES.indexOf(current)] as HTMLElement | undefined
    if (list.current && tab) list.current.scrollLeft = tab.offsetLeft - list.current.clientWidth / 3
  }, [current])
  return (
    <PageBody>
      <Tabs
        value={current}
        onChange={(next) => navigate({ to: '.', search: searchOf(next) as never })}
        keepMounted={false}
      >
        <Tabs.List mb={16} ref={list}>
          {NAMES.map((name) => (
            <Tabs.Tab key={name} value={name}>
              {t(`sec.tab.${name}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value={current} className="stack">
          <Suspense fallback={<BlockSkeleton height={320} />}>
            <View />
          </Suspense>
        </Tabs.Panel>
      </Tabs>
    </PageBody>
  )
}

function searchOf(tab: string | null): { tab?: string } {
  return tab && tab !== DEFAULTS.tab ? { tab } : {}
}
