/** Pages of alerts, objectives and the overview on their own, against the mock backend. */
import { MantineProvider } from '@mantine/core'
import { QueryClientProvider } from '@tanstack/react-query'
import {
  createMemoryHistory,
  createRootRoute,
  createRoute,
  createRouter,
  parseSearchWith,
  RouterProvider,
  stringifySearchWith,
} from '@tanstack/react-router'
import { render } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { createQueryClient } from '@/api/queries'
import { AlertsPage } from '@/routes/alerts'
import { OverviewPage } from '@/routes/overview'
import { ServicePage } from '@/routes/service'
import { ServicesPage } from '@/routes/services'

export { mockBackend } from '../rollouts/pages'

const ELSEWHERE = [
  '/topology',
  '/traces',
  '/changes',
  '/changes/$id',
  '/proxies',
  '/proxies/$id',
  '/security',
  '/rollouts',
]

export function open(address: string) {
  const root = createRootRoute()
  const page = (path: string, component: () => React.ReactNode) =>
    createRoute({ getParentRoute: () => root, path, component })
  const router = createRouter({
    routeTree: root.addChildren([
      page('/', OverviewPage),
      page('/alerts', AlertsPage),
      page('/services', ServicesPage),
      page('/services/$namespace/$name', ServicePage),
      ...ELSEWHERE.map((path) => page(path, () => null)),
    ]),
    history: createMemoryHistory({ initialEntries: [address] }),
    parseSearch: parseSearchWith((value) => value),
    stringifySearch: stringifySearchWith(String),
  })
  render(
    <MantineProvider env="test">
      <QueryClientProvider client={createQueryClient()}>
        <RouterProvider router={router as never} />
      </QueryClientProvider>
    </MantineProvider>,
  )
  return { user: userEvent.setup(), router }
}
