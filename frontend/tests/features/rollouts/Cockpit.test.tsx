import { screen, waitFor, within } from '@testing-library/react'
import { expect, it } from 'vitest'
import { mockBackend, open } from './pages'

const backend = mockBackend()
const idOf = (state: string, reason = '') =>
  backend.mesh.rollouts.all().find((each) => each.state === state && each.pause_reason === reason)?.id ?? ''
const posts = () =>
  backend.asked.filter(({ method, path }) => method === 'POST' && path.startsWith('rollouts/'))

it('shows what runs: the sentence, the ladder with its countdown, the evidence, the story', async () => {
  open(`/rollouts/${idOf('progressing')}`)
  expect((await screen.findByRole('heading', { level: 1 })).textContent).toMatch(
    /v2 takes 25.% of shop\/payments/,
  )
  const ladder = within(screen.getByRole('list', { name: 'Steps' }))
  expect(ladder.getByText(/25.%/).closest('li')?.getAttribute('aria-current')).toBe('step')
  expect(screen.getByRole('timer').textContent).toMatch(/^next step in \d:\d\d$/)
  const analysis = await screen.findByRole('table', { name: 'Analysis' })
  expect(within(analysis).getByText(/E 1\.4 of 200/)).toBeTruthy()
  expect(await screen.findByRole('img', { name: /^E against its limit/ })).toBeTruthy()
  expect(within(await screen.findByRole('list', { name: 'What happened' })).getByText('Started')).toBeTruthy()
})

it('tells why it went back, in numbers, and offers to start again from the same plan', async () => {
  const { user, router } = open(`/rollouts/${idOf('rolled_back')}`)
  expect(
    (await screen.findAllByText(/23 of 412 requests \(5\.58 %\) against 8 of 7,810/)).length,
  ).toBeGreaterThan(0)
  expect(screen.queryByRole('button', { name: 'Abort' })).toBeNull()
  await user.click(screen.getByRole('button', { name: 'Start again' }))
  await waitFor(() => expect(router.state.location.pathname).toBe('/rollouts/new'))
  expect(await screen.findByText(/This is the draft you left/)).toBeTruthy()
})

it('aborts whatever step it has reached meanwhile, after saying what that does', async () => {
  const id = idOf('progressing')
  const { user } = open(`/rollouts/${id}`)
  await user.click(await screen.findByRole('button', { name: 'Abort' }))
  const dialog = await screen.findByRole('dialog')
  expect(dialog.textContent).toMatch(/v2 gives its 25.% \(9\.50.rps\) back to v1 at once, on all 11 proxies/)
  backend.mesh.rollouts.act(id, 'skip-step', 'ana', '')
  await user.type(within(dialog).getByLabelText('Reason'), 'card 4111 fails')
  await user.click(within(dialog).getByRole('button', { name: 'Abort, back to v1' }))
  expect(await screen.findByText('shop/payments is going back to v1')).toBeTruthy()
  expect(posts().at(-1)).toMatchObject({ path: `rollouts/${id}/abort/`, body: { reason: 'card 4111 fails' } })
  expect(posts().at(-1)?.headers.get('If-Match')).toBe('*')
})

it('promotes only with a reason, and only the step that was looked at', async () => {
  const id = idOf('progressing')
  const { user } = open(`/rollouts/${id}`)
  await user.click(await screen.findByRole('button', { name: 'Promote' }))
  const dialog = await screen.findByRole('dialog')
  const submit = within(dialog).getByRole('button', { name: /Give v2 all the traffic/ })
  expect(submit).toHaveProperty('disabled', true)
  await user.type(within(dialog).getByLabelText(/Reason/), 'we know')
  backend.mesh.rollouts.act(id, 'skip-step', 'ana', '')
  await user.click(submit)
  expect((await within(dialog).findByRole('alert')).textContent).toBe('It changed since you read it.')
  expect(backend.mesh.rollouts.one(id)?.state).toBe('progressing')
})

it('approves what somebody else started', async () => {
  const id = idOf('paused', 'approval')
  const { user } = open(`/rollouts/${id}`)
  await user.click(await screen.findByRole('button', { name: 'Approve' }))
  await user.click(within(await screen.findByRole('dialog')).getByRole('button', { name: 'Approve v2' }))
  await waitFor(() => expect(backend.mesh.rollouts.one(id)?.state).toBe('progressing'))
})

it('keeps an action that is not allowed in reach, to say why', async () => {
  backend.mesh.me = () => ({
    username: 'vera',
    email: '',
    is_superuser: false,
    roles: [],
    permissions: { '*': ['view'] },
    csrf: '',
  })
  const { user } = open(`/rollouts/${idOf('progressing')}`)
  const abort = await screen.findByRole('button', { name: 'Abort' })
  await waitFor(() => expect(abort.getAttribute('aria-disabled')).toBe('true'))
  await user.click(abort)
  expect(screen.queryByRole('dialog')).toBeNull()
  expect((await screen.findByRole('tooltip')).textContent).toBe('You may not change traffic in shop.')
})

it('undoes a success while there is time', async () => {
  const { user, router } = open(`/rollouts/${idOf('succeeded')}`)
  await user.click(await screen.findByRole('button', { name: /^Undo, .* left$/ }))
  await user.click(within(await screen.findByRole('dialog')).getByRole('button', { name: 'Back to v0' }))
  await waitFor(() => expect(backend.mesh.rollouts.owner('shop/frontend')?.canary).toBe('v0'))
  const id = backend.mesh.rollouts.owner('shop/frontend')?.id
  await waitFor(() => expect(router.state.location.pathname).toBe(`/rollouts/${id}`))
})

it('leads to the wizard when nothing was rolled out yet', async () => {
  backend.mesh.rollouts.all = () => []
  open('/rollouts')
  expect(await screen.findByText('Nothing has been rolled out yet')).toBeTruthy()
  expect(screen.getByRole('link', { name: 'Start a rollout' }).getAttribute('href')).toBe('/rollouts/new')
})

it('lists those under way first, and filters', async () => {
  const { user } = open('/rollouts')
  expect(await screen.findByText('3 rollouts under way, 2 paused')).toBeTruthy()
  const active = await screen.findByRole('table', { name: 'Rollouts under way' })
  expect(within(active).getAllByRole('row')).toHaveLength(4)
  await user.type(screen.getByRole('textbox', { name: 'Search rollouts' }), 'catalog')
  expect(await screen.findByText('None under way.')).toBeTruthy()
  const ended = await screen.findByRole('table', { name: 'Drafts and ended rollouts' })
  await waitFor(() => expect(within(ended).getAllByRole('row')).toHaveLength(2))
})
