import { screen, waitFor, within } from '@testing-library/react'
import { beforeEach, expect, it } from 'vitest'
import type * as T from '@/api/types'
import { discardDraft, setApplied } from '@/features/security/draft/store'
import { mockBackend, open } from './pages'

const backend = mockBackend()
const write: T.ProposedWrite = {
  method: 'POST',
  path: 'policies/payments-callers/enforce/',
  body: {},
  if_match: '"1"',
  reason: 'silent for a week',
}
const proposals = () => backend.mesh.proposals
const mode = () => proposals().policy('payments-callers')?.mode

beforeEach(() => {
  sessionStorage.clear()
  setApplied(null)
  discardDraft('catalog-readers')
})

it('offers to propose what takes two people, in the place where it was refused', async () => {
  proposals().rules.namespaces = ['shop']
  const { user } = open('/security')
  await user.click(await screen.findByRole('button', { name: 'Enforce' }))
  const dialog = await screen.findByRole('dialog')
  await user.type(within(dialog).getByLabelText('Reason'), 'silent for a week')
  await user.click(within(dialog).getByRole('button', { name: 'Enforce on shop/payments' }))
  expect((await within(dialog).findByRole('alert')).textContent).toMatch(/take two people/)
  await user.click(within(dialog).getByRole('button', { name: 'Propose it' }))
  expect(await within(dialog).findByText(/Proposed as #1/)).toBeTruthy()
  expect(within(dialog).queryByRole('alert')).toBeNull()
  expect(within(dialog).queryByRole('button', { name: 'Enforce on shop/payments' })).toBeNull()
  expect(mode()).toBe('shadow')
  const sent = backend.asked.find(({ method, path }) => method === 'POST' && path === 'proposals/')
  expect(sent?.body).toMatchObject({
    method: 'POST',
    path: 'policies/payments-callers/enforce/',
    body: {},
    reason: 'silent for a week',
  })
  expect(sent?.body.if_match).toMatch(/^"\d+"$/)
})

it('proposes a policy from its review, and goes to the proposal', async () => {
  proposals().rules.mesh = true
  const { user, router } = open('/security/policies/catalog-readers')
  await user.type(await screen.findByLabelText('Description'), '!')
  expect(await screen.findByText('Valid')).toBeTruthy()
  await user.click(screen.getByRole('button', { name: 'Review' }))
  await user.type(await screen.findByLabelText('Reason'), 'clearer')
  await user.click(screen.getByRole('button', { name: /catalog-readers/ }))
  await user.click(await screen.findByRole('button', { name: 'Propose it' }))
  await waitFor(() => expect(router.state.location.search).toMatchObject({ tab: 'proposals' }))
  expect(await screen.findByRole('button', { name: 'Withdraw' })).toBeTruthy()
  expect(proposals().rows[0]).toMatchObject({ method: 'PUT', path: 'policies/catalog-readers/' })
  expect(proposals().rows[0]?.body).not.toHaveProperty('reason')
})

it('shows what a proposal changes, and makes the change when it is approved', async () => {
  proposals().keep({ ...write, method: 'POST' }, 'ana')
  const { user } = open('/security?tab=proposals')
  expect(await screen.findByRole('heading', { name: '1 proposal waits for a second person' })).toBeTruthy()
  await user.click(await screen.findByRole('button', { name: /^#1 policy:payments-callers/ }))
  await user.click(await screen.findByRole('button', { name: 'Approve' }))
  const dialog = await screen.findByRole('dialog')
  expect(dialog.textContent).toMatch(/the name of ana beside yours/)
  await user.click(within(dialog).getByRole('button', { name: 'Approve' }))
  await waitFor(() => expect(mode()).toBe('enforce'))
  expect(await screen.findByText('Approved by admin')).toBeTruthy()
})

it('rejects for a reason, and lets authors only withdraw', async () => {
  proposals().keep(write, 'admin')
  proposals().keep(write, 'ana')
  const { user } = open('/security?tab=proposals')
  await user.click(await screen.findByRole('button', { name: /^#1 / }))
  expect(await screen.findByText(/somebody else approves it/)).toBeTruthy()
  expect(screen.queryByRole('button', { name: 'Approve' })).toBeNull()
  await user.click(screen.getByRole('button', { name: /^#2 / }))
  await user.click(await screen.findByRole('button', { name: 'Reject' }))
  const dialog = await screen.findByRole('dialog')
  const confirm = within(dialog).getByRole('button', { name: 'Reject' })
  expect(confirm).toHaveProperty('disabled', true)
  await user.type(within(dialog).getByLabelText(/^Reason/), 'too wide')
  await user.click(confirm)
  expect(await screen.findByText('Rejected by admin')).toBeTruthy()
  expect(mode()).toBe('shadow')
})

it('begins the rule alone, and proposes its end', async () => {
  const { user } = open('/security?tab=proposals')
  const rowOf = async () =>
    (
      await within(await screen.findByRole('table', { name: 'Where two people are needed' })).findByText(
        'shop',
      )
    ).closest('tr') as HTMLElement
  await user.click(within(await rowOf()).getByRole('button', { name: 'Take two people' }))
  await user.click(within(await screen.findByRole('dialog')).getByRole('button', { name: 'Take two people' }))
  await waitFor(() => expect(proposals().rules.namespaces).toEqual(['shop']))
  await user.click(await within(await rowOf()).findByRole('button', { name: 'Propose to end it' }))
  await user.click(
    within(await screen.findByRole('dialog')).getByRole('button', { name: 'Propose to end it' }),
  )
  expect(await screen.findByRole('button', { name: /^#1 proposals:rules/ })).toBeTruthy()
  expect(proposals().rules.namespaces).toEqual(['shop'])
})
