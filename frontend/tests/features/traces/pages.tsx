/** A page of traces on its own, against the mock backend. */
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
import { SettingsPage } from '@/routes/settings'
import { TraceRoute } from '@/routes/trace'
import { TracesPage } from '@/routes/traces'

export { mockBackend } from '../rollouts/pages'

export function open(address: string) {
  const root = createRootRoute()
  const page = (path: string, component: () => React.ReactNode) =>
    createRoute({ getParentRoute: () => root, path, component })
  const router = createRouter({
    routeTree: root.addChildren([
      page('/traces', TracesPage),
      page('/traces/$id', TraceRoute),
      page('/settings', SettingsPage),
      page('/security', () => null),
      page('/security/policies/$name', () => null),
      page('/services/$namespace/$name', () => null),
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
