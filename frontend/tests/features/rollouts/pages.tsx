/** A page of rollouts on its own, against the mock backend. */
import { MantineProvider } from '@mantine/core'
import { respond } from '@mock/api'
import { MockMesh } from '@mock/mesh'
import { QueryClientProvider } from '@tanstack/react-query'
import {
  createMemoryHistory,
  createRootRoute,
  createRoute,
  createRouter,
  RouterProvider,
} from '@tanstack/react-router'
import { configure, render } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { http } from 'msw'
import { setupServer } from 'msw/node'
import { afterAll, afterEach, beforeAll, beforeEach, vi } from 'vitest'
import { createQueryClient } from '@/api/queries'
import { RolloutPage } from '@/routes/rollout'
import { RolloutNewPage } from '@/routes/rolloutNew'
import { RolloutsPage } from '@/routes/rollouts'

/** Live topics are tested by themselves; here every answer comes by REST. */
class NoSocket {
  send() {}
  close() {}
}

type Asked = { method: string; path: string; body: Record<string, unknown>; headers: Headers }

// Whole pages in jsdom take their time on a busy machine.
vi.setConfig({ testTimeout: 30_000 })
configure({ asyncUtilTimeout: 10_000 })

/** A fresh mesh and what was asked of it, for each test of a file. */
export function mockBackend() {
  const backend = { mesh: new MockMesh(), asked: [] as Asked[] }
  const server = setupServer(
    http.all('*/api/v1/*', async ({ request }) => {
      const { pathname, search } = new URL(request.url)
      const text = await request.clone().text()
      const path = pathname.replace('/api/v1/', '') + search
      backend.asked.push({
        method: request.method,
        path,
        body: text ? JSON.parse(text) : {},
        headers: request.headers,
      })
      return respond(backend.mesh, request)
    }),
  )
  beforeAll(() => {
    server.listen()
    vi.stubGlobal('WebSocket', NoSocket)
    vi.stubGlobal('scrollTo', () => undefined)
  })
  beforeEach(() => {
    localStorage.clear()
    backend.mesh = new MockMesh()
    backend.asked = []
  })
  afterEach(() => server.resetHandlers())
  afterAll(() => server.close())
  return backend
}

export function open(address: string) {
  const root = createRootRoute()
  const page = (path: string, component: () => React.ReactNode) =>
    createRoute({ getParentRoute: () => root, path, component })
  const router = createRouter({
    routeTree: root.addChildren([
      page('/rollouts', RolloutsPage),
      page('/rollouts/new', RolloutNewPage),
      page('/rollouts/$id', RolloutPage),
      page('/services/$namespace/$name', () => null),
    ]),
    history: createMemoryHistory({ initialEntries: [address] }),
  })
  const view = render(
    <MantineProvider env="test">
      <QueryClientProvider client={createQueryClient()}>
        <RouterProvider router={router as never} />
      </QueryClientProvider>
    </MantineProvider>,
  )
  return { user: userEvent.setup(), router, ...view }
}
