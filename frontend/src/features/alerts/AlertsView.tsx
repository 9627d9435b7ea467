/** Alerts: what fires, what may soon, what did; who is told, and what is kept untold. */
import './texts'
import { Tabs } from '@mantine/core'
import { lazy, type ReactNode, Suspense } from 'react'
import { useFiringAlerts } from '@/api/incidents'
import { useMay } from '@/api/session'
import { ToneMark } from '@/ui/Mark'
import { PageBody, PageHead } from '@/ui/Panel'
import { BlockSkeleton } from '@/ui/States'
import { useText } from '@/ui/useText'
import { useUrlState } from '@/ui/useUrlState'
import { AlertList } from './AlertList'
import { titleWords } from './parts'

const SilencesTab = lazy(() => import('./SilencesTab'))
const ReceiversTab = lazy(() => import('./ReceiversTab'))
const TABS = ['firing', 'pending', 'resolved', 'objectives', 'silences', 'receivers'] as const
const DEFAULTS = { tab: 'firing' }

/** `objectives` is what its tab holds. */
export function AlertsView({ objectives }: { objectives: ReactNode }) {
  const t = useText()
  const [{ tab: asked }, set] = useUrlState(DEFAULTS)
  const isAdministrator = useMay('users.write')
  const tabs = TABS.filter((each) => each !== 'receivers' || isAdministrator)
  const tab = tabs.find((each) => each === asked) ?? 'firing'
  return (
    <PageBody>
      <Head />
      <Tabs value={tab} onChange={(next) => set({ tab: next ?? 'firing' })} keepMounted={false}>
        <Tabs.List mb={16}>
          {tabs.map((each) => (
            <Tabs.Tab key={each} value={each}>
              {t(`alerts.tab.${each}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {(['firing', 'pending', 'resolved'] as const).map((state) => (
          <Tabs.Panel key={state} value={state} className="stack">
            <AlertList state={state} />
          </Tabs.Panel>
        ))}
        <Suspense fallback={<BlockSkeleton height={320} />}>
          <Tabs.Panel value="objectives" className="stack">
            {objectives}
          </Tabs.Panel>
          <Tabs.Panel value="silences" className="stack">
            <SilencesTab />
          </Tabs.Panel>
          <Tabs.Panel value="receivers" className="stack">
            <ReceiversTab />
          </Tabs.Panel>
        </Suspense>
      </Tabs>
    </PageBody>
  )
}

function Head() {
  const t = useText()
  const alerts = useFiringAlerts().data
  if (!alerts) return <PageHead sentence={t('nav.alerts')} />
  const worst = alerts.find(({ severity }) => severity === 'page') ?? alerts[0]
  const silenced = alerts.filter((alert) => alert.silenced_until).length
  const tone = !worst ? 'healthy' : worst.severity === 'page' ? 'failing' : 'degraded'
  return (
    <PageHead
      sentence={
        <span className="sentence">
          <ToneMark
            tone={tone}
            label={
              worst
                ? t('alerts.sentence', { n: alerts.length, title: titleWords(worst, t) })
                : t('alerts.sentence.none')
            }
          />
        </span>
      }
      detail={silenced > 0 && t('alerts.sentence.silenced', { n: silenced })}
    />
  )
}
