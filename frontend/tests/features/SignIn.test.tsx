import { MantineProvider } from '@mantine/core'
import { respond } from '@mock/api'
import { MockMesh } from '@mock/mesh'
import { QueryClientProvider } from '@tanstack/react-query'
import { createMemoryHistory, createRootRoute, createRouter, RouterProvider } from '@tanstack/react-router'
import { render, screen, waitFor } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { HttpResponse, http } from 'msw'
import { setupServer } from 'msw/node'
import type { ReactNode } from 'react'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { createQueryClient } from '@/api/queries'
import { LoginForm } from '@/features/session/LoginForm'
import { browserOf } from '@/features/settings/agents'
import { Sessions } from '@/features/settings/Sessions'

let mesh: MockMesh
const server = setupServer(http.all('*/api/v1/*', ({ request }) => respond(mesh, request)))

beforeAll(() => {
  server.listen()
  vi.stubGlobal('scrollTo', () => undefined)
})
beforeEach(() => {
  mesh = new MockMesh()
})
afterEach(() => server.resetHandlers())
afterAll(() => server.close())

function show(component: () => ReactNode, address = '/') {
  const router = createRouter({
    routeTree: createRootRoute({ component }),
    history: createMemoryHistory({ initialEntries: [address] }),
    defaultNotFoundComponent: () => null,
  })
  render(
    <MantineProvider env="test">
      <QueryClientProvider client={createQueryClient()}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>,
  )
  return userEvent.setup()
}

it('offers the provider where there is one, and comes back to the page one wanted', async () => {
  server.use(http.get('*/api/v1/auth/methods/', () => HttpResponse.json({ password: true, oidc: 'Acme' })))
  show(LoginForm, '/?next=/services?search=a')
  const link = await screen.findByRole('link', { name: 'Sign in with Acme' })
  expect(link.getAttribute('href')).toBe('/api/v1/auth/oidc/?next=%2Fservices%3Fsearch%3Da')
})

it('does not name a provider where there is none', async () => {
  show(LoginForm)
  await screen.findByRole('button', { name: 'Sign in' })
  expect(screen.queryByRole('link')).toBeNull()
})

it.each([
  ['no_role', /None of your groups/],
  ['unavailable', /does not answer/],
  ['<b>what</b>', /of no use/],
])('says why a sign-in with the provider ended: %s', async (code, text) => {
  show(LoginForm, `/?error=${encodeURIComponent(code)}`)
  expect((await screen.findByRole('alert')).textContent).toMatch(text)
})

it('shows where one is signed in, and ends the others', async () => {
  const user = show(Sessions)
  expect(await screen.findAllByText('Firefox, Linux')).toHaveLength(2)
  expect(screen.getByText('this one')).toBeTruthy()
  await user.click(screen.getByRole('button', { name: 'End the session from 10.0.0.13' }))
  await waitFor(() => expect(screen.getAllByText('Firefox, Linux')).toHaveLength(1))
  expect(screen.queryByRole('button', { name: 'Sign out everywhere else' })).toBeNull()
})

it('signs out everywhere else', async () => {
  const user = show(Sessions)
  await user.click(await screen.findByRole('button', { name: 'Sign out everywhere else' }))
  await waitFor(() => expect(mesh.sessions.map(({ current }) => current)).toEqual([true]))
})

it.each([
  ['Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140 Safari/537.36 Edg/140', 'Edge, Windows'],
  ['Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1', 'Safari, iOS'],
  ['curl/8.5', 'curl/8.5'],
  ['', ''],
])('knows %s', (agent, name) => {
  expect(browserOf(agent)).toBe(name)
})
