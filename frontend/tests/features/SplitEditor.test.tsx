import { MantineProvider } from '@mantine/core'
import { respond } from '@mock/api'
import { MockMesh } from '@mock/mesh'
import { QueryClientProvider } from '@tanstack/react-query'
import { render, screen, waitFor } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { HttpResponse, http } from 'msw'
import { setupServer } from 'msw/node'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { createQueryClient } from '@/api/queries'
import { SplitEditor } from '@/features/traffic/SplitEditor'

let mesh: MockMesh
const server = setupServer(http.all('*/api/v1/*', ({ request }) => respond(mesh, request)))
const splitUrl = '*/api/v1/services/shop/catalog/split/'

/** Live topics are tested by themselves; here every answer comes by REST. */
class NoSocket {
  send() {}
  close() {}
}

beforeAll(() => {
  server.listen()
  vi.stubGlobal('WebSocket', NoSocket)
})
beforeEach(() => {
  mesh = new MockMesh()
})
afterEach(() => server.resetHandlers())
afterAll(() => server.close())

function show(mayWrite = true) {
  render(
    <MantineProvider env="test">
      <QueryClientProvider client={createQueryClient()}>
        <SplitEditor service="shop/catalog" traffic={mesh.traffic('shop/catalog', 60)} mayWrite={mayWrite} />
      </QueryClientProvider>
    </MantineProvider>,
  )
  return userEvent.setup()
}

const weightOf = (version: string) => screen.findByRole('textbox', { name: `Weight of ${version}` })

it('drafts, reviews and applies a split with its reason', async () => {
  const user = show()
  await user.click(await screen.findByRole('button', { name: 'Even' }))
  expect(await weightOf('v2')).toHaveProperty('value', '50 %')
  expect(mesh.splits['shop/catalog']).toEqual({ v1: 100, v2: 0 })

  await user.click(screen.getByRole('button', { name: 'Review' }))
  expect(screen.getByText(/v1: 100.%/)).toBeTruthy()
  expect(screen.getByText(/v2: 50.%/)).toBeTruthy()
  expect(await screen.findByText(/frontend-v1-0/)).toBeTruthy()
  await user.type(screen.getByLabelText('Reason'), 'canary')
  await user.click(screen.getByRole('button', { name: /^Shift 50.% of shop\/catalog/ }))

  await waitFor(() => expect(mesh.splits['shop/catalog']).toEqual({ v1: 50, v2: 50 }))
  expect(mesh.changes[0]?.reason).toBe('canary')
  expect(await screen.findByRole('progressbar')).toBeTruthy()
})

it('says so when somebody changed the split meanwhile, and changes nothing', async () => {
  const user = show()
  await user.click(await screen.findByRole('button', { name: 'Even' }))
  await user.click(screen.getByRole('button', { name: 'Review' }))
  mesh.setSplit('shop/catalog', { v1: 90, v2: 10 }, 'somebody else')
  await user.click(screen.getByRole('button', { name: /^Shift/ }))
  expect((await screen.findByRole('alert')).textContent).toBe('It changed since you read it.')
  expect(mesh.splits['shop/catalog']).toEqual({ v1: 90, v2: 10 })
})

it('shows a refused field beside its input', async () => {
  const detail = 'v2 has no instances.'
  server.use(
    http.put(splitUrl, () =>
      HttpResponse.json(
        {
          title: 'Invalid',
          status: 400,
          code: 'invalid',
          detail: '',
          errors: [{ path: 'weights.v2', code: 'x', detail }],
        },
        { status: 400 },
      ),
    ),
  )
  const user = show()
  await user.click(await screen.findByRole('button', { name: 'Even' }))
  await user.click(screen.getByRole('button', { name: 'Review' }))
  await user.click(screen.getByRole('button', { name: /^Shift/ }))
  expect(await screen.findByText(detail)).toBeTruthy()
})

it('offers no editor to somebody who may only look', async () => {
  show(false)
  expect(await screen.findByText('Desired')).toBeTruthy()
  expect(screen.queryByRole('button', { name: 'Even' })).toBeNull()
})
