import { screen, waitFor, within } from '@testing-library/react'
import { expect, it } from 'vitest'
import { mockBackend, open } from './pages'

const backend = mockBackend()
const authority = () => backend.mesh.authority
const PEM = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----'

async function say(button: string, reason = '') {
  const { user } = page
  await user.click(await screen.findByRole('button', { name: button }))
  const dialog = await screen.findByRole('dialog')
  if (reason) await user.type(within(dialog).getByLabelText(/^Reason/), reason)
  return dialog
}
let page: ReturnType<typeof open>

it('tells of the root, its key, and what comes by itself', async () => {
  page = open('/security?tab=authority')
  expect(
    await screen.findByRole('heading', {
      name: /^The root ends in 3,?644 days; the next intermediate is made/,
    }),
  ).toBeTruthy()
  const table = await screen.findByRole('table', { name: 'Root and intermediate' })
  expect(within(table).getAllByText('Sealed in the database')).toHaveLength(2)
  const bundle = screen.getByRole('link', { name: 'Download PEM' })
  expect(bundle.getAttribute('href')).toBe('/api/v1/authority/bundle.pem')
})

it('rotates the root, pauses, resumes, goes on without one, and aborts', async () => {
  page = open('/security?tab=authority')
  const { user } = page
  const start = await say('Rotate the root', 'yearly')
  await user.click(within(start).getByRole('button', { name: 'Begin the rotation' }))
  expect(await screen.findByRole('heading', { name: /proxies learn to trust both/ })).toBeTruthy()
  const step = (await screen.findByText('Trust both')).closest('li')
  expect(step?.getAttribute('aria-current')).toBe('step')
  expect(step?.textContent).toMatch(/Abort drops the new root again/)
  expect(screen.getByText('10 of 11')).toBeTruthy()

  await user.click(within(await say('Pause')).getByRole('button', { name: 'Pause' }))
  expect(await screen.findByRole('heading', { name: /The rotation is paused/ })).toBeTruthy()
  await user.click(within(await say('Resume')).getByRole('button', { name: 'Resume' }))
  await screen.findByRole('button', { name: 'Pause' })

  const missing = await screen.findByRole('table', { name: 'Who is waited for' })
  expect(within(missing).getByText('Offline')).toBeTruthy()
  const pass = await say('Go on without it', 'scrapped')
  expect(pass.textContent).toMatch(/it has to join again/)
  await user.click(within(pass).getByRole('button', { name: 'Go on without frontend-v1-0' }))
  expect(await screen.findByText(/It goes on without 1 proxy/)).toBeTruthy()

  await user.click(within(await say('Abort', 'not today')).getByRole('button', { name: 'Abort' }))
  expect(await screen.findByRole('heading', { name: /The rotation is taken back/ })).toBeTruthy()
  expect(screen.queryByRole('button', { name: 'Abort' })).toBeNull()
})

it('lists a rotation that is over with its steps', async () => {
  const rotation = authority().start('made', 'yearly')
  authority().enter(rotation, 'done')
  page = open('/security?tab=authority')
  const table = await screen.findByRole('table', { name: 'Earlier rotations' })
  await page.user.click(within(table).getByRole('button', { name: '#1' }))
  expect(await within(table).findByText(/old root and its keys are destroyed/)).toBeTruthy()
})

it('takes a certificate signed offline for its request', async () => {
  page = open('/security?tab=authority')
  const { user } = page
  await user.click(within(await say('Make a request')).getByRole('button', { name: 'Make a request' }))
  expect(await screen.findByRole('button', { name: 'Download CSR' })).toBeTruthy()
  const dialog = await say('New intermediate')
  await user.click(within(dialog).getByRole('radio', { name: /^Signed from the request/ }))
  const use = within(dialog).getByRole('button', { name: 'Use it' })
  expect(use).toHaveProperty('disabled', true)
  await user.click(within(dialog).getByLabelText('Certificates'))
  await user.paste('nonsense')
  await user.click(use)
  expect(await within(dialog).findByText('this is no PEM certificate')).toBeTruthy()
  await user.clear(within(dialog).getByLabelText('Certificates'))
  await user.paste(PEM)
  await user.click(use)
  await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull())
  const sent = backend.asked.filter(({ path }) => path === 'authority/intermediate/').at(-1)
  expect(sent?.body).toMatchObject({ source: 'offline', certificate: PEM, key: '', key_place: 'builtin' })
})
