import { Tabs } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { useText } from '@/ui/useText'

const PATHS = { search: '/logs', taps: '/logs/taps' } as const

/** The log of what has been, and taps of what is. */
export function LogTabs({ current }: { current: keyof typeof PATHS }) {
  const t = useText()
  const navigate = useNavigate()
  return (
    <Tabs value={current} onChange={(next) => navigate({ to: PATHS[next as keyof typeof PATHS] })}>
      <Tabs.List>
        <Tabs.Tab value="search">{t('logs.tab.search')}</Tabs.Tab>
        <Tabs.Tab value="taps">{t('logs.tab.taps')}</Tabs.Tab>
      </Tabs.List>
    </Tabs>
  )
}
