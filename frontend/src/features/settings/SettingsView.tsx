import { Tabs } from '@mantine/core'
import type { ReactNode } from 'react'
import { allowsAnywhere, useMay, useMe } from '@/api/session'
import { PageBody, PageHead } from '@/ui/Panel'
import { useText } from '@/ui/useText'
import { useUrlState } from '@/ui/useUrlState'
import { About } from './About'
import { JoinTokens } from './JoinTokens'
import { People } from './People'
import { Sessions } from './Sessions'
import { Tokens } from './Tokens'

const DEFAULTS = { tab: 'tokens' }

/** `telemetry` is what belongs to other features: how much is traced and logged. */
export function SettingsView({ telemetry }: { telemetry: ReactNode }) {
  const t = useText()
  const [{ tab }, set] = useUrlState(DEFAULTS)
  const mayManagePeople = useMay('users.write')
  const mayJoin = allowsAnywhere(useMe().data, 'security.write')
  const tabs = [
    { id: 'tokens', label: t('settings.tokens'), view: <Tokens /> },
    ...(mayJoin ? [{ id: 'join', label: t('settings.join'), view: <JoinTokens /> }] : []),
    ...(mayManagePeople ? [{ id: 'people', label: t('settings.people'), view: <People /> }] : []),
    { id: 'sessions', label: t('settings.sessions'), view: <Sessions /> },
    { id: 'telemetry', label: t('settings.telemetry'), view: telemetry },
    { id: 'about', label: t('settings.about'), view: <About /> },
  ]
  return (
    <PageBody>
      <PageHead sentence={t('nav.settings')} />
      <Tabs value={tab} onChange={(next) => set({ tab: next ?? 'tokens' })} keepMounted={false}>
        <Tabs.List mb={16}>
          {tabs.map(({ id, label }) => (
            <Tabs.Tab key={id} value={id}>
              {label}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {tabs.map(({ id, view }) => (
          <Tabs.Panel key={id} value={id} className="stack">
            {view}
          </Tabs.Panel>
        ))}
      </Tabs>
    </PageBody>
  )
}
