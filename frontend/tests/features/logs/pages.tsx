/** A page of logs on its own, against the mock backend, with live messages sent by hand. */
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
import { act, render } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { vi } from 'vitest'
import { type LiveHandler, type LiveKind, type LiveParams, live } from '@/api/live'
import { createQueryClient } from '@/api/queries'
import { LogsPage } from '@/routes/logs'
import { SettingsPage } from '@/routes/settings'
import { TapRoute, TapsPage } from '@/routes/taps'

export { mockBackend } from '../rollouts/pages'

/** Who listens to what, and a way to tell them. */
export function listenIn() {
  const topics = new Map<string, { params: LiveParams; handler: LiveHandler }>()
  vi.spyOn(live, 'subscribe').mockImplementation((name, params, handler) => {
    topics.set(name, { params, handler })
    return () => topics.delete(name)
  })
  return {
    topics,
    send: (topic: string, kind: LiveKind, data: unknown) =>
      act(() => topics.get(topic)?.handler({ topic, kind, data, seq: 1, at: 0 })),
  }
}

export function open(address: string) {
  const root = createRootRoute()
  const page = (path: string, component: () => React.ReactNode) =>
    createRoute({ getParentRoute: () => root, path, component })
  const router = createRouter({
    routeTree: root.addChildren([
      page('/logs', LogsPage),
      page('/logs/taps', TapsPage),
      page('/logs/taps/$id', TapRoute),
      page('/settings', SettingsPage),
      page('/traces/$id', () => null),
      page('/proxies/$id', () => null),
      page('/security/policies/$name', () => null),
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
