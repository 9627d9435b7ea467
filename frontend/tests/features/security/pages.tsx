/** A page of security on its own, against the mock backend. */
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
import { NewPolicyRoute, PolicyRoute } from '@/routes/policy'
import { SecurityPage } from '@/routes/security'

export { mockBackend } from '../rollouts/pages'

export function open(address: string) {
  const root = createRootRoute()
  const page = (path: string, component: () => React.ReactNode) =>
    createRoute({ getParentRoute: () => root, path, component })
  const router = createRouter({
    routeTree: root.addChildren([
      page('/security', SecurityPage),
      page('/security/policies/new', NewPolicyRoute),
      page('/security/policies/$name', PolicyRoute),
      page('/services/$namespace/$name', () => null),
      page('/changes', () => null),
      page('/proxies/$id', () => null),
      page('/settings', () => null),
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
