import { MantineProvider } from '@mantine/core'
import { respond } from '@mock/api'
import { MockMesh } from '@mock/mesh'
import { QueryClientProvider } from '@tanstack/react-query'
import { createMemoryHistory, createRootRoute, createRouter, RouterProvider } from '@tanstack/react-router'
import { configure, render, screen, waitFor, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { http } from 'msw'
import { setupServer } from 'msw/node'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { createQueryClient } from '@/api/queries'
import { newRoute } from '@/features/traffic/draft/rules'
import { setApplied, setDraft } from '@/features/traffic/draft/store'
import RoutingWorkspace from '@/features/traffic/RoutingWorkspace'
import { placeAt } from '@/features/traffic/useReorder'

const ID = 'shop/catalog'
let mesh: MockMesh
const server = setupServer(http.all('*/api/v1/*', ({ request }) => respond(mesh, request)))

/** Live topics are tested by themselves; here every answer comes by REST. */
class NoSocket {
  send() {}
  close() {}
}

// A whole workspace in jsdom takes its time on a busy machine.
vi.setConfig({ testTimeout: 30_000 })
configure({ asyncUtilTimeout: 10_000 })

beforeAll(() => {
  server.listen()
  vi.stubGlobal('WebSocket', NoSocket)
  vi.stubGlobal('scrollTo', () => undefined)
})
beforeEach(() => {
  mesh = new MockMesh()
  mesh.routes[ID] = ['first', 'second', 'third'].map((name) => ({
    ...newRoute(name),
    match: { ...newRoute(name).match, path: { kind: 'prefix', value: `/${name}` } },
  }))
  setDraft(ID, {})
  setApplied(ID, [])
})
afterAll(() => server.close())

function show(address = '/') {
  const service = mesh.service(ID)
  const root = createRootRoute({
    component: () =>
      service && <RoutingWorkspace service={service} traffic={mesh.traffic(ID, 60)} owned={false} />,
  })
  const router = createRouter({
    routeTree: root,
    history: createMemoryHistory({ initialEntries: [address] }),
    defaultNotFoundComponent: () => null,
  })
  render(
    <MantineProvider env="test">
      <QueryClientProvider client={createQueryClient()}>
        <RouterProvider router={router as never} />
      </QueryClientProvider>
    </MantineProvider>,
  )
  return userEvent.setup()
}

const order = () =>
  within(screen.getByRole('list', { name: 'Routes' }))
    .getAllByRole('button', { name: /^Move route/ })
    .map((handle) => /route (\S+),/.exec(handle.getAttribute('aria-label') ?? '')?.[1])

const open = async (user: ReturnType<typeof userEvent.setup>, name: string) => {
  await user.click(await screen.findByRole('button', { name: new RegExp(`^${name}`) }))
  return screen.findByRole('group', { name: `Route ${name}` })
}

describe('reordering', () => {
  it('moves a route by the arrow keys, keeps the focus, and says where it is', async () => {
    const user = show()
    const handle = await screen.findByRole('button', { name: /^Move route third/ })
    handle.focus()
    await user.keyboard('{ArrowUp}{ArrowUp}{ArrowUp}')
    expect(order()).toEqual(['third', 'first', 'second'])
    expect(screen.getByText('Route third is now 1 of 3')).toBeTruthy()
    expect(document.activeElement?.getAttribute('aria-label')).toMatch(/^Move route third, now 1 of 3/)
    expect(mesh.routes[ID]?.map(({ name }) => name)).toEqual(['first', 'second', 'third'])
  })

  it('finds the place under the pointer by the middles of the rows', () => {
    const list = document.createElement('ol')
    for (const top of [0, 40, 80]) {
      const row = document.createElement('li')
      row.getBoundingClientRect = () => ({ top, height: 40 }) as DOMRect
      list.append(row)
    }
    expect([placeAt(list, 15, 2), placeAt(list, 65, 2), placeAt(list, 101, 0), placeAt(list, 50, 1)]).toEqual(
      [0, 2, 2, 1],
    )
  })
})

describe('a draft', () => {
  it('is checked while it is typed, here and by the server, at the field', async () => {
    const user = show()
    const form = await open(user, 'third')
    const path = within(form).getByRole('textbox', { name: 'Path value' })
    await user.clear(path)
    expect(await within(form).findByText('Needed')).toBeTruthy()
    expect(screen.getByRole('button', { name: 'Review' })).toHaveProperty('disabled', true)

    const name = within(form).getByRole('textbox', { name: 'Name' })
    await user.click(path)
    await user.paste('/x')
    await user.clear(name)
    await user.paste('second')
    expect(await screen.findByText("another route is named 'second'")).toBeTruthy()
    expect(name.getAttribute('aria-invalid')).toBe('true')
    expect(within(screen.getByRole('region', { name: 'Draft' })).getByText('1 error')).toBeTruthy()
    expect(mesh.routes[ID]?.[2]?.name).toBe('third')
  })

  it('offers only what a route has not, and takes it away again', async () => {
    const user = show()
    const form = await open(user, 'first')
    expect(within(form).queryByRole('region', { name: 'Mirror' })).toBeNull()
    await user.click(within(form).getByRole('button', { name: 'Add to this route' }))
    await user.click(await screen.findByRole('menuitem', { name: 'Mirror' }))
    expect(await within(form).findByRole('region', { name: 'Mirror' })).toBeTruthy()
    expect(screen.getByRole('button', { name: /100 % mirrored to v2/ })).toBeTruthy()
    await user.click(within(form).getByRole('button', { name: 'Remove mirror' }))
    expect(within(form).queryByRole('region', { name: 'Mirror' })).toBeNull()
    expect(screen.queryByRole('region', { name: 'Draft' })).toBeNull()
  })

  it('is reviewed in sentences, applied part by part, and reverted in one click', async () => {
    const user = show()
    const before = structuredClone(mesh.routes[ID])
    await user.click(await screen.findByRole('button', { name: 'Remove route third' }))
    await user.click(screen.getByRole('button', { name: 'Outlier detection' }))
    const failures = screen.getByRole('textbox', { name: '5xx in a row' })
    await user.clear(failures)
    await user.type(failures, '3')
    await user.click(screen.getByRole('button', { name: 'Review' }))

    expect(await screen.findByText("Route third: /third/* → the service's split")).toBeTruthy()
    expect(screen.getByText('Outlier detection, 5xx in a row: 5 → 3')).toBeTruthy()
    expect(await screen.findByText('consecutive_5xx: 3', { exact: false })).toBeTruthy()
    await user.type(screen.getByLabelText('Reason'), 'fewer')
    await user.click(screen.getByRole('button', { name: 'Apply 2 changes to shop/catalog' }))

    await waitFor(() => expect(screen.getAllByRole('progressbar')).toHaveLength(2))
    expect(mesh.routes[ID]?.map(({ name }) => name)).toEqual(['first', 'second'])
    expect(mesh.resilience[ID]?.outlier?.consecutive_5xx).toBe(3)
    expect(mesh.changes.slice(0, 2).map(({ reason }) => reason)).toEqual(['fewer', 'fewer'])

    await user.click(screen.getByRole('button', { name: 'Revert' }))
    await waitFor(() => expect(mesh.routes[ID]).toEqual(before))
    await waitFor(() => expect(mesh.resilience[ID]?.outlier?.consecutive_5xx).toBe(5))
    expect(await screen.findByText('Reverted')).toBeTruthy()
  })

  it('says so when somebody changed the rules meanwhile, and lets one go on', async () => {
    const user = show()
    await user.click(await screen.findByRole('button', { name: 'Remove route third' }))
    mesh.setRoutes(ID, [newRoute('theirs')], 'somebody else')
    await user.click(screen.getByRole('button', { name: 'Review' }))
    expect((await screen.findByRole('alert')).textContent).toBe('It changed since you read it.')
    expect(mesh.routes[ID]?.map(({ name }) => name)).toEqual(['theirs'])

    await user.click(screen.getByRole('button', { name: 'Back to editing' }))
    await user.click(await screen.findByRole('button', { name: 'Keep my draft on top of theirs' }))
    await user.click(screen.getByRole('button', { name: 'Review' }))
    const apply = await screen.findByRole<HTMLButtonElement>('button', { name: /^Apply/ })
    await waitFor(() => expect(apply.disabled).toBe(false))
    await user.click(apply)
    await waitFor(() => expect(mesh.routes[ID]?.map(({ name }) => name)).toEqual(['first', 'second']))
  })

  it('does not write over a change that arrived while the draft was open', async () => {
    setDraft(ID, { routes: { etag: '"of an older state"', value: [newRoute('mine')] } })
    const user = show()
    await user.click(await screen.findByRole('button', { name: 'Review' }))
    const apply = await screen.findByRole<HTMLButtonElement>('button', { name: /^Apply/ })
    const review = within(screen.getByRole('region', { name: /Review/ }))
    expect(review.getByText(/Somebody changed these rules/)).toBeTruthy()
    expect(apply.disabled).toBe(true)

    await user.click(review.getByRole('button', { name: 'Keep my draft on top of theirs' }))
    await waitFor(() => expect(apply.disabled).toBe(false))
    await user.click(apply)
    await waitFor(() => expect(mesh.routes[ID]?.map(({ name }) => name)).toEqual(['mine']))
  })
})

it('takes the rules from YAML, and shows what is wrong at its line', async () => {
  const user = show('/?view=yaml')
  const text = await screen.findByRole('textbox', { name: 'All rules as YAML' })
  await user.clear(text)
  await user.click(text)
  await user.paste('split: {v1: 100}\nroutes:\n  - name: only\n    timeouts:\n      request_ms: 0\n')
  expect(await screen.findByText('Line 5:')).toBeTruthy()
  await user.clear(text)
  await user.paste('split: {v1: 100, v2: 0}\nroutes:\n  - name: only\n    direct: {status: 204}\n')
  await user.click(screen.getByText('Rules'))
  expect(await screen.findByRole('button', { name: /Every request → answered with 204/ })).toBeTruthy()
})

it('shows a request now and with the draft, side by side', async () => {
  setDraft(ID, { split: { etag: '"x"', value: { v1: 0, v2: 100 } } })
  show('/?view=try&source=shop/frontend&path=/first/7')
  const now = await screen.findByRole('region', { name: 'Now' })
  const draft = await screen.findByRole('region', { name: 'With the draft' })
  expect(within(now).getByText('Forwarded to v1')).toBeTruthy()
  expect(within(draft).getByText('Forwarded to v2')).toBeTruthy()
})

it('makes a draft of what another mesh says', async () => {
  const user = show('/?view=exchange')
  await user.click(await screen.findByRole('textbox', { name: /Istio/ }))
  await user.paste('kind: VirtualService')
  await user.click(screen.getByRole('button', { name: 'Read' }))
  expect(await screen.findByText('spec.http.0.corsPolicy', { exact: false })).toBeTruthy()
  expect(screen.getByText('no such service: create it first')).toBeTruthy()
  await user.click(screen.getByRole('button', { name: 'Take as draft' }))
  expect(await screen.findByRole('region', { name: 'Draft' })).toBeTruthy()
  await user.click(screen.getByText('Rules'))
  expect(await screen.findByRole('button', { name: /^beta.*with x-tier: beta → v2/ })).toBeTruthy()
})
