import { screen, waitFor, within } from '@testing-library/react'
import { describe, expect, it } from 'vitest'
import { namespaceOf, serviceOf, stateOf } from '@/features/security/certificates/state'
import { mockBackend, open } from './pages'

const backend = mockBackend()
const table = () => screen.findByRole('table', { name: 'Certificates' })
const rowOf = async (service: string) => {
  const cell = await within(await table()).findByText(service)
  return cell.closest('tr') as HTMLElement
}

describe('the state of a certificate', () => {
  const now = Date.parse('2026-05-01T12:00:00Z')
  const base = { not_after: '2026-05-02T00:00:00Z', revoked_at: null, late: false } as never as Parameters<
    typeof stateOf
  >[0]

  it.each([
    [{}, 'valid'],
    [{ late: true }, 'late'],
    [{ late: true, not_after: '2026-05-01T12:00:00Z' }, 'expired'],
    [{ not_after: '2026-04-01T00:00:00Z', revoked_at: '2026-03-31T00:00:00Z' }, 'revoked'],
  ])('%o is %s', (part, state) => {
    expect(stateOf({ ...base, ...part }, now)).toBe(state)
  })

  it('reads the workload from the identity', () => {
    expect(serviceOf('spiffe://demo.mesh/ns/shop/svc/catalog')).toBe('shop/catalog')
    expect(namespaceOf('spiffe://demo.mesh/ns/shop/svc/catalog')).toBe('shop')
    expect(serviceOf('spiffe://elsewhere/x')).toBe('spiffe://elsewhere/x')
  })
})

it('says what is late first, counts down, and filters in the address', async () => {
  const { user, router } = open('/security?tab=certificates')
  expect(
    await screen.findByRole('heading', {
      name: '11 certificates are good, 1 of them late to renew; 0 expired',
    }),
  ).toBeTruthy()
  const late = await rowOf('platform/inventory')
  expect(within(late).getByText('Late to renew')).toBeTruthy()
  expect(within(late).getByText('overdue')).toBeTruthy()
  expect(within(late).getByText(/^3:59:|^4:00:00/)).toBeTruthy()
  await user.type(screen.getByRole('textbox', { name: /Search identity/ }), 'inventory')
  await waitFor(async () => expect(within(await table()).getAllByRole('row')).toHaveLength(2))
  expect(router.state.location.search).toMatchObject({ q: 'inventory' })
})

it('shows those in the state that the address names', async () => {
  open('/security?tab=certificates&state=revoked')
  expect(await screen.findByText('Nothing matches these filters')).toBeTruthy()
})

it('orders a renewal, and says so until it is done', async () => {
  const { user } = open('/security?tab=certificates')
  await user.click(within(await rowOf('shop/cart')).getByRole('button', { name: 'Renew' }))
  await user.click(within(await screen.findByRole('dialog')).getByRole('button', { name: 'Renew' }))
  await waitFor(async () => expect(within(await rowOf('shop/cart')).getByText('ordered')).toBeTruthy())
})

it('revokes an identity with all its proxies, for a reason, and allows it again', async () => {
  const { user } = open('/security?tab=certificates&q=shop/svc/catalog')
  const first = (await within(await table()).findAllByRole('button', { name: 'Revoke' }))[0] as HTMLElement
  await user.click(first)
  const dialog = await screen.findByRole('dialog')
  const confirm = () => within(dialog).getByRole('button', { name: /^Revoke, and evict/ })
  expect(confirm().textContent).toBe('Revoke, and evict 1 proxy')
  await user.click(within(dialog).getByRole('radio', { name: /^The identity/ }))
  expect(confirm().textContent).toBe('Revoke, and evict 2 proxies')
  expect(within(dialog).getByText(/catalog-v1-0, catalog-v2-0/)).toBeTruthy()
  expect(confirm()).toHaveProperty('disabled', true)
  await user.type(within(dialog).getByLabelText(/^Reason/), 'stolen')
  await user.click(confirm())
  const denied = await screen.findByRole('table', { name: 'Denied identities' })
  expect(await within(denied).findByText('stolen')).toBeTruthy()
  expect(backend.mesh.proxies.some(({ service }) => service === 'shop/catalog')).toBe(false)
  await user.click(within(denied).getByRole('button', { name: 'Allow again' }))
  await user.click(within(await screen.findByRole('dialog')).getByRole('button', { name: 'Allow again' }))
  expect(await screen.findByText('No identity is denied.')).toBeTruthy()
})

it('goes back through what one proxy held', async () => {
  const { user } = open('/security?tab=certificates')
  await user.click(within(await rowOf('shop/cart')).getByRole('link', { name: 'History' }))
  expect(await screen.findByText('All that cart-v1-0 held')).toBeTruthy()
  expect(await screen.findByText('Replaced')).toBeTruthy()
})

it('keeps what a viewer may not do in reach, to say why', async () => {
  const me = backend.mesh.me()
  backend.mesh.me = () => ({ ...me, is_superuser: false, permissions: { '*': ['view'] } })
  open('/security?tab=certificates')
  const row = await rowOf('shop/cart')
  await waitFor(() =>
    expect(within(row).getByRole('button', { name: 'Revoke' }).getAttribute('aria-disabled')).toBe('true'),
  )
  expect(screen.queryByRole('link', { name: 'Join tokens' })).toBeNull()
})
