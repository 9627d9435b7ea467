/** Every page and its address. Pages are loaded when first visited. */
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  parseSearchWith,
  stringifySearchWith,
} from '@tanstack/react-router'
import { NotFound } from './NotFound'
import { Shell } from './shell/Shell'

const root = createRootRoute({ notFoundComponent: NotFound })
const shell = createRoute({ getParentRoute: () => root, id: 'shell', component: Shell })

const login = createRoute({
  getParentRoute: () => root,
  path: '/login',
  component: lazyRouteComponent(() => import('@/routes/login'), 'LoginPage'),
})
const overview = createRoute({
  getParentRoute: () => shell,
  path: '/',
  component: lazyRouteComponent(() => import('@/routes/overview'), 'OverviewPage'),
})
const topology = createRoute({
  getParentRoute: () => shell,
  path: '/topology',
  component: lazyRouteComponent(() => import('@/routes/topology'), 'TopologyPage'),
})
const alerts = createRoute({
  getParentRoute: () => shell,
  path: '/alerts',
  component: lazyRouteComponent(() => import('@/routes/alerts'), 'AlertsPage'),
})
const services = createRoute({
  getParentRoute: () => shell,
  path: '/services',
  component: lazyRouteComponent(() => import('@/routes/services'), 'ServicesPage'),
})
const service = createRoute({
  getParentRoute: () => shell,
  path: '/services/$namespace/$name',
  component: lazyRouteComponent(() => import('@/routes/service'), 'ServicePage'),
})
const rollouts = createRoute({
  getParentRoute: () => shell,
  path: '/rollouts',
  component: lazyRouteComponent(() => import('@/routes/rollouts'), 'RolloutsPage'),
})
const rolloutNew = createRoute({
  getParentRoute: () => shell,
  path: '/rollouts/new',
  component: lazyRouteComponent(() => import('@/routes/rolloutNew'), 'RolloutNewPage'),
})
const rollout = createRoute({
  getParentRoute: () => shell,
  path: '/rollouts/$id',
  component: lazyRouteComponent(() => import('@/routes/rollout'), 'RolloutPage'),
})
const routing = createRoute({
  getParentRoute: () => shell,
  path: '/routing',
  component: lazyRouteComponent(() => import('@/routes/routing'), 'RoutingPage'),
})
const routingTry = createRoute({
  getParentRoute: () => shell,
  path: '/routing/try',
  component: lazyRouteComponent(() => import('@/routes/routingTry'), 'RoutingTryPage'),
})
const routingImport = createRoute({
  getParentRoute: () => shell,
  path: '/routing/import',
  component: lazyRouteComponent(() => import('@/routes/routingImport'), 'RoutingImportPage'),
})
const security = createRoute({
  getParentRoute: () => shell,
  path: '/security',
  component: lazyRouteComponent(() => import('@/routes/security'), 'SecurityPage'),
})
const policyNew = createRoute({
  getParentRoute: () => shell,
  path: '/security/policies/new',
  component: lazyRouteComponent(() => import('@/routes/policy'), 'NewPolicyRoute'),
})
const policy = createRoute({
  getParentRoute: () => shell,
  path: '/security/policies/$name',
  component: lazyRouteComponent(() => import('@/routes/policy'), 'PolicyRoute'),
})
const traces = createRoute({
  getParentRoute: () => shell,
  path: '/traces',
  component: lazyRouteComponent(() => import('@/routes/traces'), 'TracesPage'),
})
const trace = createRoute({
  getParentRoute: () => shell,
  path: '/traces/$id',
  component: lazyRouteComponent(() => import('@/routes/trace'), 'TraceRoute'),
})
const logs = createRoute({
  getParentRoute: () => shell,
  path: '/logs',
  component: lazyRouteComponent(() => import('@/routes/logs'), 'LogsPage'),
})
const taps = createRoute({
  getParentRoute: () => shell,
  path: '/logs/taps',
  component: lazyRouteComponent(() => import('@/routes/taps'), 'TapsPage'),
})
const tap = createRoute({
  getParentRoute: () => shell,
  path: '/logs/taps/$id',
  component: lazyRouteComponent(() => import('@/routes/taps'), 'TapRoute'),
})
const proxies = createRoute({
  getParentRoute: () => shell,
  path: '/proxies',
  component: lazyRouteComponent(() => import('@/routes/proxies'), 'ProxiesPage'),
})
const proxy = createRoute({
  getParentRoute: () => shell,
  path: '/proxies/$id',
  component: lazyRouteComponent(() => import('@/routes/proxy'), 'ProxyPage'),
})
const changes = createRoute({
  getParentRoute: () => shell,
  path: '/changes',
  component: lazyRouteComponent(() => import('@/routes/changes'), 'ChangesPage'),
})
const change = createRoute({
  getParentRoute: () => shell,
  path: '/changes/$id',
  component: lazyRouteComponent(() => import('@/routes/change'), 'ChangePage'),
})
const settings = createRoute({
  getParentRoute: () => shell,
  path: '/settings',
  component: lazyRouteComponent(() => import('@/routes/settings'), 'SettingsPage'),
})

const pages = [
  overview,
  topology,
  alerts,
  services,
  service,
  routing,
  routingTry,
  routingImport,
  rollouts,
  rolloutNew,
  rollout,
  security,
  policyNew,
  policy,
  traces,
  trace,
  logs,
  taps,
  tap,
  proxies,
  proxy,
  changes,
  change,
  settings,
]

export const router = createRouter({
  routeTree: root.addChildren([login, shell.addChildren(pages)]),
  defaultPreload: 'intent',
  scrollRestoration: true,
  // Plain values in the address: ?namespace=shop, not ?namespace="shop".
  parseSearch: parseSearchWith((value) => value),
  stringifySearch: stringifySearchWith(String),
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
