import { screen, waitFor, within } from '@testing-library/react'
import { beforeEach, describe, expect, it } from 'vitest'
import { newPolicy } from '@/features/security/draft/policy'
import { discardDraft, NEW, setApplied, setDraft } from '@/features/security/draft/store'
import { mockBackend, open } from './pages'

const backend = mockBackend()
const sent = (method: string, path: RegExp) =>
  backend.asked.filter((each) => each.method === method && path.test(each.path))
const policy = (name: string) => backend.mesh.security.policies.find((each) => each.name === name)

beforeEach(() => {
  sessionStorage.clear()
  setApplied(null)
  for (const name of [NEW, 'catalog-readers', 'payments-callers']) discardDraft(name)
})

describe('the list of policies', () => {
  it('says each in a sentence with what it decided, and filters', async () => {
    const { user } = open('/security')
    const table = await screen.findByRole('table', { name: 'Policies' })
    expect(within(table).getByText(/^shop\/frontend and anything in platform may GET/)).toBeTruthy()
    const row = within(table).getByRole('link', { name: 'payments-callers' }).closest('tr')
    await waitFor(() => expect(row?.querySelector('.text-degraded')?.textContent).toBe('450'))
    await user.type(screen.getByRole('textbox', { name: 'Search policies' }), 'debug')
    await waitFor(() => expect(within(table).getAllByRole('row')).toHaveLength(2))
  })

  it('takes one from shadow to force, after saying what that would have done', async () => {
    const { user } = open('/security')
    await user.click(await screen.findByRole('button', { name: 'Enforce' }))
    const dialog = await screen.findByRole('dialog')
    expect(
      await within(dialog).findByText(/It would have denied 450 requests that passed: shop\/checkout/),
    ).toBeTruthy()
    await user.type(within(dialog).getByLabelText('Reason'), 'silent for a week')
    await user.click(within(dialog).getByRole('button', { name: 'Enforce on shop/payments' }))
    await waitFor(() => expect(policy('payments-callers')?.mode).toBe('enforce'))
    expect(sent('POST', /enforce/)[0]?.headers.get('If-Match')).toMatch(/^"\d+"$/)
    expect(await screen.findByText('payments-callers changed')).toBeTruthy()
    await user.click(screen.getByRole('button', { name: 'Revert' }))
    await waitFor(() => expect(policy('payments-callers')?.mode).toBe('shadow'))
  })

  it('keeps what a viewer may not do in reach, to say why', async () => {
    const me = backend.mesh.me()
    backend.mesh.me = () => ({ ...me, is_superuser: false, permissions: { '*': ['view'] } })
    open('/security')
    const button = await screen.findByRole('button', { name: 'Enforce' })
    await waitFor(() => expect(button.getAttribute('aria-disabled')).toBe('true'))
    expect(screen.queryByRole('link', { name: 'Create policy' })).toBeNull()
  })
})

describe('a policy', () => {
  it('is made in shadow, checked while it is typed, replayed, reviewed and applied', async () => {
    const { user, router } = open('/security/policies/new')
    await user.type(await screen.findByLabelText('Name'), 'cart-callers')
    await user.type(screen.getByRole('combobox', { name: 'For' }), 'shop/nowhere')
    await user.type(screen.getByRole('combobox', { name: 'Services' }), 'shop{Enter}')
    expect(await screen.findByText('namespace/name or namespace/*')).toBeTruthy()
    expect(screen.getByRole('button', { name: 'Review' })).toHaveProperty('disabled', true)
    await user.type(screen.getByRole('combobox', { name: 'Services' }), '{Backspace}shop/checkout{Enter}')
    expect(await screen.findByText('there is no shop/nowhere')).toBeTruthy()
    await user.clear(screen.getByRole('combobox', { name: 'For' }))
    await user.type(screen.getByRole('combobox', { name: 'For' }), 'shop/cart')
    expect(await screen.findByText('Valid')).toBeTruthy()
    expect(
      await screen.findByText(/^It would have denied \d+ requests that passed: shop\/frontend/),
    ).toBeTruthy()
    expect(policy('cart-callers')).toBeUndefined()

    await user.click(screen.getByRole('button', { name: 'Review' }))
    expect(await screen.findByText('shop/checkout may call anything')).toBeTruthy()
    await user.type(screen.getByLabelText('Reason'), 'least privilege')
    await user.click(screen.getByRole('button', { name: 'Run cart-callers in shadow on shop/cart' }))
    await waitFor(() => expect(router.state.location.pathname).toBe('/security/policies/cart-callers'))
    expect(policy('cart-callers')).toMatchObject({ mode: 'shadow', target: 'shop/cart', action: 'allow' })
    expect(backend.mesh.changes[0]?.reason).toBe('least privilege')
    expect(await screen.findByText('cart-callers changed')).toBeTruthy()
  })

  it('is not written over what somebody else changed meanwhile', async () => {
    const { user } = open('/security/policies/catalog-readers')
    await user.type(await screen.findByLabelText('Description'), '!')
    const standing = policy('catalog-readers')
    if (standing) backend.mesh.security.put({ ...standing, description: 'theirs' }, 'policy.set', '')
    expect(await screen.findByText('It changed since you read it.')).toBeTruthy()
    expect(screen.getByRole('button', { name: 'Review' })).toHaveProperty('disabled', true)
    expect(policy('catalog-readers')?.description).toBe('theirs')
  })

  it('is deleted after being told what goes with it', async () => {
    const { user, router } = open('/security/policies/catalog-readers')
    await user.click(await screen.findByRole('button', { name: 'Delete' }))
    const dialog = await screen.findByRole('dialog')
    expect(dialog.textContent).toMatch(/What it alone allows is denied while other allow policies stand/)
    await user.click(within(dialog).getByRole('button', { name: 'Delete catalog-readers' }))
    await waitFor(() => expect(policy('catalog-readers')).toBeUndefined())
    await waitFor(() => expect(router.state.location.pathname).toBe('/security'))
    await user.click(await screen.findByRole('button', { name: 'Revert' }))
    await waitFor(() => expect(policy('catalog-readers')).toBeDefined())
  })
})

describe('the matrix', () => {
  it('is walked by arrow keys, and Enter keeps a pair to act on', async () => {
    const { user, router } = open('/security?tab=matrix&view=grid')
    const grid = await screen.findByRole('grid', { name: 'Matrix' })
    within(grid)
      .getByRole('gridcell', { name: /^shop\/frontend to shop\/frontend/ })
      .focus()
    await user.keyboard('{ArrowRight}')
    expect(document.activeElement?.getAttribute('aria-label')).toBe(
      'shop/frontend to shop/catalog: conditional, 610 requests, 0 denied',
    )
    expect(within(screen.getByRole('complementary')).getByText('It depends on the request')).toBeTruthy()
    await user.keyboard('{Enter}')
    await waitFor(() => expect(router.state.location.search).toMatchObject({ destination: 'shop/catalog' }))
    await user.keyboard('{End}{ArrowDown}')
    expect(document.activeElement?.getAttribute('aria-label')).toMatch(
      /^shop\/catalog to platform\/inventory/,
    )
  })

  it('shows the pair that is clicked, whichever had the focus before', async () => {
    const { user } = open('/security?tab=matrix&view=grid')
    const grid = await screen.findByRole('grid', { name: 'Matrix' })
    await user.click(within(grid).getByRole('gridcell', { name: /^shop\/cart to shop\/catalog/ }))
    const details = screen.getByRole('complementary')
    expect(await within(details).findByText('Policies deny it')).toBeTruthy()
    expect(within(details).getByText('shop/cart')).toBeTruthy()
  })

  it('flags what disagrees, and drafts a policy from a pair', async () => {
    const { user, router } = open('/security?tab=matrix&view=list&show=flagged')
    expect(
      await screen.findByRole('heading', {
        name: /1 pair disagrees .* shop\/recommendations → shop\/catalog/,
      }),
    ).toBeTruthy()
    await user.click(await screen.findByRole('button', { name: 'shop/recommendations → shop/catalog' }))
    await user.click(await screen.findByRole('button', { name: 'Draft a policy that denies it' }))
    await waitFor(() => expect(router.state.location.pathname).toBe('/security/policies/new'))
    expect(await screen.findByText('shop/recommendations may not call anything')).toBeTruthy()
  })
})

it('explains a decision step by step from the address alone', async () => {
  open('/security?tab=explain&source=shop/recommendations&service=shop/catalog&path=/items/7')
  expect(await screen.findByText('No, it is denied')).toBeTruthy()
  const step = screen.getByRole('region', { name: 'catalog-readers' })
  expect(await within(step).findByText('not met: x-tier')).toBeTruthy()
  expect(within(step).getByText('not met: services')).toBeTruthy()
})

it('suggests the least privilege, and opens it as a draft in shadow', async () => {
  const { user, router } = open('/security?tab=suggest&service=shop/catalog')
  await user.click(await screen.findByRole('button', { name: 'Open as a draft in shadow' }))
  await waitFor(() => expect(router.state.location.pathname).toBe('/security/policies/new'))
  expect(await screen.findByDisplayValue('catalog-callers')).toBeTruthy()
  expect(screen.getByRole('radio', { name: 'Shadow' })).toHaveProperty('checked', true)
  expect(await screen.findByText('Valid')).toBeTruthy()
})

it('makes a service strict, naming what that would break', async () => {
  const { user } = open('/security?tab=mtls')
  const table = await screen.findByRole('table', { name: 'On the way to strict' })
  const row = within(table).getByText('42 of 1200 requests came in plaintext').closest('tr')
  await user.click(within(row as HTMLElement).getByRole('button', { name: 'Make strict' }))
  const dialog = await screen.findByRole('dialog')
  expect(dialog.textContent).toMatch(/42 requests of this window would be refused/)
  await user.click(within(dialog).getByRole('button', { name: 'Make platform/users strict' }))
  await waitFor(() => expect(backend.mesh.security.setting('platform/users').mtls).toBe('strict'))
})

it('lists who signs tokens, and how fetching their keys fares', async () => {
  const { user } = open('/security?tab=tokens')
  const table = await screen.findByRole('table', { name: 'Tokens' })
  const row = () => within(table).getByText('partner').closest('tr') as HTMLElement
  expect(within(row()).getByText('No keys yet: its tokens are refused')).toBeTruthy()
  expect(within(row()).getByText(/it answered 503/)).toBeTruthy()
  await user.click(within(row()).getByRole('button', { name: 'Fetch keys' }))
  await waitFor(() => expect(within(row()).getByText('new')).toBeTruthy())
  await user.click(screen.getByRole('button', { name: 'Add provider' }))
  const dialog = await screen.findByRole('dialog')
  const field = (name: RegExp) => within(dialog).getByRole('textbox', { name })
  await user.type(field(/^Name$/), 'shop-staff')
  await user.type(field(/^Issuer/), 'https://staff.example')
  await user.type(field(/^Address of the keys/), 'https://staff.example/keys')
  await user.click(within(dialog).getByRole('button', { name: 'Add provider' }))
  expect(await within(table).findByText('shop-staff')).toBeTruthy()
})

it('says in a policy whose token a caller needs, and whom to ask', async () => {
  const { user } = open('/security/policies/new')
  await user.click(await screen.findByRole('button', { name: 'Token (JWT)' }))
  await user.click(screen.getByRole('button', { name: 'Claim' }))
  await user.type(screen.getByRole('textbox', { name: 'Claim' }), 'role')
  const values = screen.getByPlaceholderText('reader')
  await user.type(values, 'reader{Enter}')
  expect(await screen.findByText('anyone with a token where role is reader may call anything')).toBeTruthy()
  await user.click(screen.getByRole('radio', { name: 'External check' }))
  const part = screen.getByRole('region', { name: 'Who is asked' })
  expect(within(part).getByText('Service')).toBeTruthy()
})

it('explains what a token that is required means', async () => {
  const { user } = open('/security?tab=mtls')
  const table = await screen.findByRole('table', { name: 'Mesh and namespaces' })
  await user.click(within(table).getAllByRole('button', { name: 'Edit' })[0] as HTMLElement)
  const dialog = await screen.findByRole('dialog')
  await user.click(within(dialog).getByRole('combobox', { name: 'Tokens' }))
  await user.click(await screen.findByRole('option', { name: 'of these providers' }))
  await user.click(within(dialog).getAllByLabelText('Token of')[0] as HTMLElement)
  await user.click(await screen.findByRole('option', { name: 'corp' }))
  await user.click(within(dialog).getByRole('checkbox', { name: 'A request needs one' }))
  await user.click(within(dialog).getByRole('button', { name: 'Save' }))
  expect(await within(table).findByText('corp, required')).toBeTruthy()
})

it('asks before a suggestion takes the place of a draft', async () => {
  const { user, router } = open('/security?tab=suggest&service=shop/catalog')
  setDraft(NEW, { version: '', value: { ...newPolicy('shop/cart'), name: 'mine' } })
  await user.click(await screen.findByRole('button', { name: 'Open as a draft in shadow' }))
  const dialog = await screen.findByRole('dialog')
  expect(within(dialog).getByText(/“mine” was begun/)).toBeTruthy()
  expect(router.state.location.pathname).toBe('/security')
  await user.click(within(dialog).getByRole('button', { name: 'Replace it' }))
  await waitFor(() => expect(router.state.location.pathname).toBe('/security/policies/new'))
  expect(await screen.findByDisplayValue('catalog-callers')).toBeTruthy()
})
