import {
  IconAffiliate,
  IconBell,
  IconCube,
  IconHistory,
  IconLayoutDashboard,
  IconLogs,
  IconRocket,
  IconRoute,
  IconRouter,
  IconSettings,
  IconShieldLock,
  IconTimelineEvent,
} from '@tabler/icons-react'
import type { TextKey } from '@/text'

/** The pages of the rail, in its order, and the key that follows `g`. */
export const PAGES = [
  { to: '/', text: 'nav.overview', icon: IconLayoutDashboard, key: 'o' },
  { to: '/topology', text: 'nav.topology', icon: IconAffiliate, key: 't' },
  { to: '/alerts', text: 'nav.alerts', icon: IconBell, key: 'a' },
  { to: '/services', text: 'nav.services', icon: IconCube, key: 's' },
  { to: '/routing', text: 'nav.routing', icon: IconRoute, key: 'u' },
  { to: '/rollouts', text: 'nav.rollouts', icon: IconRocket, key: 'r' },
  { to: '/security', text: 'nav.security', icon: IconShieldLock, key: 'e' },
  { to: '/traces', text: 'nav.traces', icon: IconTimelineEvent, key: 'x' },
  { to: '/logs', text: 'nav.logs', icon: IconLogs, key: 'l' },
  { to: '/proxies', text: 'nav.proxies', icon: IconRouter, key: 'p' },
  { to: '/changes', text: 'nav.changes', icon: IconHistory, key: 'c' },
  { to: '/settings', text: 'nav.settings', icon: IconSettings, key: ',' },
] as const satisfies { to: string; text: TextKey; icon: unknown; key: string }[]

/** The pages below those that have a name of their own, which is here before the page has loaded; what follows it in a path is a name of the mesh. */
export const PAGES_BELOW: readonly [path: string, text: TextKey][] = [
  ['/routing/try', 'nav.try'],
  ['/routing/import', 'nav.import'],
  ['/rollouts/new', 'nav.rollout.new'],
  ['/security/policies/new', 'nav.policy.new'],
  ['/security/policies', 'nav.policies'],
  ['/logs/taps', 'nav.taps'],
]
