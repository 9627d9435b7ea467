import { screen, waitFor, within } from '@testing-library/react'
import { expect, it } from 'vitest'
import { mockBackend, open } from './pages'

const backend = mockBackend()
const at = (step: string) => `/rollouts/new?service=shop%2Fcatalog&step=${step}`
const heading = (text: string) => screen.findByText(new RegExp(`of 6: ${text}`))

it('goes from a service to a running rollout with the defaults, by keyboard alone', async () => {
  const { user, router } = open('/rollouts/new')
  const service = await screen.findByRole('combobox', { name: 'Service' })
  await waitFor(() => expect(service).not.toHaveProperty('disabled', true))
  service.focus()
  await user.keyboard('shop/catalog{ArrowDown}{Enter}')
  expect(await screen.findByText('Before the start')).toBeTruthy()
  for (const step of ['Strategy', 'Steps', 'Analysis', 'Safety', 'Review']) {
    await user.keyboard('{Control>}{Enter}{/Control}')
    expect(document.activeElement).toBe(await heading(step))
  }
  await waitFor(() =>
    expect(screen.getByRole('button', { name: /^Start: v2 takes/ })).toHaveProperty('disabled', false),
  )
  await user.keyboard('{Control>}{Enter}{/Control}')
  await waitFor(() => expect(router.state.location.pathname).toMatch(/^\/rollouts\/\d+$/))
  const started = backend.mesh.rollouts.owner('shop/catalog')
  expect(started).toMatchObject({ stable: 'v1', canary: 'v2', state: 'progressing' })
  expect(localStorage.getItem('meshui.rollout.draft:shop/catalog')).toBeNull()
})

it('says at the field what the server has against a step, and on which page it is', async () => {
  const { user } = open(at('steps'))
  const weight = await screen.findByRole('textbox', { name: 'Weight of step 4' })
  await user.clear(weight)
  await user.type(weight, '1')
  expect(await screen.findByText('1 is not above 1')).toBeTruthy()
  const steps = within(screen.getByRole('navigation', { name: 'Steps of this form' }))
  expect(steps.getByRole('button', { name: /Steps.*has a fault/ })).toBeTruthy()
  await user.click(steps.getByRole('button', { name: 'Review' }))
  expect((await screen.findByRole('alert')).textContent).toContain('1 is not above 1')
  expect(screen.getByRole('button', { name: /^Start/ })).toHaveProperty('disabled', true)
})

it('refuses at once what is no duration, without asking the server', async () => {
  const { user } = open(at('safety'))
  const warm = await screen.findByRole('textbox', { name: 'Warm-up' })
  await user.clear(warm)
  await user.type(warm, 'soon')
  expect(await screen.findByText('Write 30s, 5m or 1h30m.')).toBeTruthy()
  expect(backend.asked.some(({ body }) => (body.safety as { warm?: string })?.warm === 'soon')).toBe(false)
})

it('keeps the draft over a reload', async () => {
  const first = open(at('review'))
  await first.user.type(await screen.findByRole('textbox', { name: 'Reason' }), 'catalog 2.4')
  first.unmount()
  const second = open(at('service'))
  expect(await screen.findByText(/This is the draft you left/)).toBeTruthy()
  await second.user.click(screen.getByRole('button', { name: 'Review' }))
  expect(await screen.findByRole('textbox', { name: 'Reason' })).toHaveProperty('value', 'catalog 2.4')
})

it('edits the steps: another kind, another place, one more, one less', async () => {
  const { user } = open(at('steps'))
  await screen.findByRole('table', { name: 'Steps' })
  const rows = () => within(screen.getByRole('table', { name: 'Steps' })).getAllByRole('row').length - 1
  expect(rows()).toBe(16)
  await user.click(screen.getByRole('button', { name: 'Add step' }))
  expect(rows()).toBe(17)
  await user.click(screen.getByRole('button', { name: 'Remove step 17' }))
  await user.click(screen.getByRole('button', { name: 'Move step 2 up' }))
  expect(screen.getByRole('textbox', { name: 'Duration of step 1' })).toBeTruthy()
  await user.click(screen.getByRole('combobox', { name: 'What step 1 does' }))
  await user.click(await screen.findByRole('option', { name: 'Approval' }))
  expect(screen.getByText('until somebody other than you approves')).toBeTruthy()
  await user.click(screen.getByRole('button', { name: /as they were/ }))
  expect(screen.getByRole('textbox', { name: 'Weight of step 1' })).toBeTruthy()
})

it('leads to the rollout that is under way instead of starting a second one', async () => {
  open('/rollouts/new?service=shop%2Fpayments')
  const alert = await screen.findByRole('alert')
  const link = within(alert).getByRole('link')
  const id = backend.mesh.rollouts.owner('shop/payments')?.id
  expect(link.getAttribute('href')).toBe(`/rollouts/${id}`)
  expect(screen.getByRole('button', { name: /^Next/ })).toHaveProperty('disabled', true)
})

it('saves a template without leaving the page, and tries it on traffic that was', async () => {
  const { user, router } = open(at('analysis'))
  await user.click(await screen.findByRole('button', { name: 'Save as template' }))
  const dialog = await screen.findByRole('dialog')
  await user.type(within(dialog).getByRole('textbox', { name: 'Name' }), 'mine{Enter}')
  await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull())
  expect(router.state.location.search).toMatchObject({ step: 'analysis' })
  await user.click(screen.getByRole('button', { name: 'Try mine' }))
  expect(await screen.findByText(/nothing would have been rolled back/)).toBeTruthy()
})
