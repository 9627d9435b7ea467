import { Tooltip } from '@mantine/core'
import { useLocalStorage } from '@mantine/hooks'
import { IconLayoutSidebarLeftCollapse, IconLayoutSidebarLeftExpand } from '@tabler/icons-react'
import { Link, useRouterState } from '@tanstack/react-router'
import { useEffect, useRef } from 'react'
import { useText } from '@/ui/useText'
import { PAGES } from './pages'

/** Navigation: icons on the left, names on demand; a bar at the bottom on a phone. */
export function Rail() {
  const t = useText()
  const [wide, setWide] = useLocalStorage({
    key: 'meshui.rail.wide',
    defaultValue: false,
    getInitialValueInEffect: false,
  })
  const rail = useActiveInSight()
  const toggle = wide ? t('shell.narrow') : t('shell.widen')
  return (
    <nav ref={rail} className={wide ? 'rail rail-wide' : 'rail'} aria-label={t('shell.navigation')}>
      <Link to="/" className="rail-logo" aria-label="meshui">
        <img src={`${import.meta.env.BASE_URL}favicon.svg`} alt="" width="24" height="24" />
        <span className="rail-name">meshui</span>
      </Link>
      {PAGES.map(({ to, text, icon: Icon }) => (
        <Tooltip key={to} label={t(text)} position="right" disabled={wide} openDelay={200}>
          <Link
            to={to}
            className="rail-link"
            aria-label={t(text)}
            activeProps={{ className: 'rail-link rail-active', 'aria-current': 'page' }}
            activeOptions={{ exact: to === '/', includeSearch: false }}
          >
            <Icon size={20} stroke={1.6} aria-hidden="true" />
            <span className="rail-name">{t(text)}</span>
          </Link>
        </Tooltip>
      ))}
      <button
        type="button"
        className="rail-link rail-toggle"
        onClick={() => setWide(!wide)}
        aria-label={toggle}
      >
        {wide ? (
          <IconLayoutSidebarLeftCollapse size={20} stroke={1.6} />
        ) : (
          <IconLayoutSidebarLeftExpand size={20} stroke={1.6} />
        )}
        <span className="rail-name">{toggle}</span>
      </button>
    </nav>
  )
}

/** On a phone the rail is longer than the screen is wide. */
function useActiveInSight() {
  const rail = useRef<HTMLElement>(null)
  const path = useRouterState({ select: (state) => state.location.pathname })
  // biome-ignore lint/correctness/useExhaustiveDependencies: another page is another active link
  useEffect(() => {
    rail.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' })
  }, [path])
  return rail
}
