import { ActionIcon, Menu, Tooltip, useComputedColorScheme, useMantineColorScheme } from '@mantine/core'
import {
  IconKeyboard,
  IconLanguage,
  IconLogout,
  IconMoon,
  IconSearch,
  IconSun,
  IconUser,
} from '@tabler/icons-react'
import { useMe, useSession } from '@/api/session'
import { currentLocale, LOCALES, type Locale, setLocale } from '@/text'
import { useText } from '@/ui/useText'
import { Breadcrumb } from './Breadcrumb'
import { LiveState } from './LiveState'
import { MeshSync } from './MeshSync'

type TopBarProps = { onSearch: () => void; onHelp: () => void }

export function TopBar({ onSearch, onHelp }: TopBarProps) {
  const t = useText()
  return (
    <header className="top-bar">
      <Breadcrumb />
      <div className="top-bar-aside">
        <LiveState />
        <MeshSync />
        <button type="button" className="search-button" onClick={onSearch}>
          <IconSearch size={14} aria-hidden="true" />
          <span className="search-hint">{t('shell.search')}</span>
          <kbd>Ctrl K</kbd>
        </button>
        <ThemeToggle />
        <PersonMenu onHelp={onHelp} />
      </div>
    </header>
  )
}

function ThemeToggle() {
  const t = useText()
  const { setColorScheme } = useMantineColorScheme()
  const scheme = useComputedColorScheme('light', { getInitialValueInEffect: false })
  const label = scheme === 'dark' ? t('shell.light') : t('shell.dark')
  return (
    <Tooltip label={label}>
      <ActionIcon
        variant="subtle"
        color="gray"
        aria-label={label}
        onClick={() => setColorScheme(scheme === 'dark' ? 'light' : 'dark')}
      >
        {scheme === 'dark' ? <IconSun size={16} /> : <IconMoon size={16} />}
      </ActionIcon>
    </Tooltip>
  )
}

function PersonMenu({ onHelp }: { onHelp: () => void }) {
  const t = useText()
  const me = useMe()
  const session = useSession()
  const other = (Object.keys(LOCALES) as Locale[]).find((locale) => locale !== currentLocale()) ?? 'en'
  return (
    <Menu position="bottom-end" transitionProps={{ duration: 0 }}>
      <Menu.Target>
        <ActionIcon
          variant="subtle"
          color="gray"
          aria-label={t('shell.account', { name: me.data?.username ?? '' })}
        >
          <IconUser size={16} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{me.data?.username}</Menu.Label>
        <Menu.Item leftSection={<IconKeyboard size={14} />} onClick={onHelp}>
          {t('keys.title')}
        </Menu.Item>
        <Menu.Item leftSection={<IconLanguage size={14} />} onClick={() => void setLocale(other)}>
          {LOCALES[other]}
        </Menu.Item>
        <Menu.Item leftSection={<IconLogout size={14} />} onClick={() => void session.logout()}>
          {t('session.logout')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
