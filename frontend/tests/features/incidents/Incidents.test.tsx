import { incidentsOf } from '@mock/incidents'
import { screen, waitFor, within } from '@testing-library/react'
import { describe, expect, it } from 'vitest'
import { mockBackend, open } from './pages'

const backend = mockBackend()
const sent = (method: string, path: RegExp) =>
  backend.asked.filter((each) => each.method === method && path.test(each.path))
const plain = (text: string | null | undefined) => (text ?? '').replace(/[\u00a0\u202f]/g, ' ')

describe('the overview', () => {
  it('says in a sentence what fails, since when and after which change, and leads there', async () => {
    const { user, router } = open('/')
    const heading = await screen.findByRole('heading', { level: 1, name: /after change #41 by ana/ })
    expect(plain(heading.textContent)).toMatch(
      /^1 of 12 edges failing: shop\/checkout → shop\/payments, 13\.\d % errors since \d\d:\d\d/,
    )
    const table = screen.getByRole('table', { name: 'Worst edges' })
    expect(within(table).getByText('because of shop/checkout → shop/payments')).toBeTruthy()
    const row = within(table).getByRole('link', { name: 'shop/checkout → shop/payments' }).closest('tr')
    expect(plain(row?.textContent)).toMatch(/13\d×.*94\.0 ms/)
    await user.click(within(table).getByRole('link', { name: 'shop/checkout → shop/payments' }))
    const there = {
      pathname: '/topology',
      search: { sel: 'shop/checkout->shop/payments', focus: 'shop/payments', hops: expect.anything() },
    }
    await waitFor(() => expect(router.state.location).toMatchObject(there))
  })

  it('undoes the change that is suspected', async () => {
    const { user } = open('/')
    const [first] = await screen.findAllByRole('button', { name: 'Undo #41' })
    await user.click(first as HTMLElement)
    await user.click(await screen.findByRole('button', { name: 'Revert' }))
    await waitFor(() => expect(sent('POST', /^changes\/41\/revert/)).toHaveLength(1))
  })

  it('lists what fires, what burns and what ends', async () => {
    open('/')
    expect(await screen.findByText('shop/payments burns its availability budget')).toBeTruthy()
    expect(await screen.findByText('99.9 % without an error')).toBeTruthy()
    expect(await screen.findByText('Intermediate certificate of the authority')).toBeTruthy()
  })

  it('is calm when nothing is wrong', async () => {
    const { mesh } = backend
    const graph = mesh.graph.bind(mesh)
    mesh.graph = (window, by) => {
      const found = graph(window, by)
      return { ...found, edges: found.edges.map((edge) => ({ ...edge, health: 'healthy', errors: 0 })) }
    }
    const incidents = incidentsOf(mesh)
    const whole = incidents.overview.bind(incidents)
    incidents.overview = () => ({
      ...whole(),
      worst_edges: [],
      objectives: [],
      alerts: [],
      certificates: [],
    })
    incidents.inState = () => []
    open('/')
    expect(await screen.findByText('All edges are well')).toBeTruthy()
    expect(await screen.findByText(/No alert fires, no objective is in danger/)).toBeTruthy()
    expect(screen.queryByRole('heading', { name: 'Alerts' })).toBeNull()
  })
})

describe('alerts', () => {
  it('are grouped by service, and by state', async () => {
    const { user } = open('/alerts')
    const table = await screen.findByRole('table', { name: 'shop/payments' })
    expect(within(table).getAllByRole('row')).toHaveLength(3)
    await user.click(screen.getByRole('tab', { name: 'Pending' }))
    expect(await screen.findByRole('link', { name: 'A proxy of shop/payments is out of sync' })).toBeTruthy()
    await user.click(screen.getByRole('tab', { name: 'Resolved' }))
    const over = await screen.findByRole('table', { name: 'shop/catalog' })
    expect(plain(over.textContent)).toContain('1 hr')
  })

  it('are silenced with a reason, for a time, and the silence is ended', async () => {
    const { user } = open('/alerts')
    const table = await screen.findByRole('table', { name: 'shop/payments' })
    const [first] = within(table).getAllByRole('button', { name: 'Silence' })
    await user.click(first as HTMLElement)
    const dialog = await screen.findByRole('dialog')
    const submit = within(dialog).getByRole('button', { name: 'Silence' })
    expect(submit).toHaveProperty('disabled', true)
    await user.type(within(dialog).getByLabelText(/Reason/), 'we are on it')
    await user.click(submit)
    await waitFor(() => expect(sent('POST', /^alerts\/silences/)).toHaveLength(1))
    expect(sent('POST', /^alerts\/silences/)[0]?.body).toEqual({
      rule: 'edge_failing',
      object: 'edge:shop/checkout->shop/payments',
      namespace: 'shop',
      minutes: 60,
      reason: 'we are on it',
    })
    expect(await screen.findByText(/silenced until/)).toBeTruthy()
    await user.click(screen.getByRole('tab', { name: 'Silences' }))
    await user.click(await screen.findByRole('button', { name: /^End the silence of Edge fails/ }))
    expect(await screen.findByText('No silences')).toBeTruthy()
  })

  it('may not be silenced by who only looks', async () => {
    const me = backend.mesh.me()
    backend.mesh.me = () => ({ ...me, is_superuser: false, permissions: { '*': ['view'] } })
    open('/alerts')
    const [button] = await screen.findAllByRole('button', { name: 'Silence' })
    await waitFor(() => expect(button?.getAttribute('aria-disabled')).toBe('true'))
    expect(screen.queryByRole('tab', { name: 'Receivers' })).toBeNull()
  })
})

describe('receivers', () => {
  it('are tested, and say what went wrong', async () => {
    const { user } = open('/alerts?tab=receivers')
    const table = await screen.findByRole('table', { name: 'Who is told' })
    for (const button of within(table).getAllByRole('button', { name: 'Send a test' }))
      await user.click(button)
    expect(await within(table).findByText('The test arrived')).toBeTruthy()
    expect(await within(table).findByText('It did not arrive: connection refused')).toBeTruthy()
  })

  it('are added where the address may be asked, and removed', async () => {
    const { user } = open('/alerts?tab=receivers')
    await user.click(await screen.findByRole('button', { name: 'Add receiver' }))
    const dialog = await screen.findByRole('dialog')
    const target = within(dialog).getByLabelText('URL')
    await user.type(target, 'http://169.254.169.254/')
    await user.click(within(dialog).getByRole('button', { name: 'Add receiver' }))
    expect(await within(dialog).findByText(/is no address that may be asked/)).toBeTruthy()
    await user.clear(target)
    await user.type(target, 'https://hooks.example.com/secret')
    await user.click(within(dialog).getByRole('button', { name: 'Add receiver' }))
    expect(await screen.findByText('https://hooks.example.com/…')).toBeTruthy()
    const row = screen.getByText('oncall@example.org', { selector: 'td:first-child *' }).closest('tr')
    await user.click(within(row as HTMLElement).getByRole('button', { name: 'Remove' }))
    await user.click(await screen.findByRole('button', { name: 'Tell oncall@example.org no more' }))
    await waitFor(() => expect(incidentsOf(backend.mesh).receivers.map(({ id }) => id)).toEqual(['1', '3']))
  })

  it('show what could not be delivered', async () => {
    open('/alerts?tab=receivers&notices=failed')
    const table = await screen.findByRole('table', { name: 'What was sent' })
    expect(within(table).getAllByRole('row')).toHaveLength(2)
    expect(within(table).getByText('connection refused, 7 tries')).toBeTruthy()
  })
})

describe('objectives', () => {
  it('are listed by urgency', async () => {
    open('/alerts?tab=objectives')
    const table = await screen.findByRole('table', { name: 'Objectives' })
    const rows = within(table).getAllByRole('row')
    expect(rows).toHaveLength(4)
    expect(plain(rows[1]?.textContent)).toMatch(/shop\/payments99.9 % without an errorBurning.*12.0 %/)
    expect(screen.getByText('1 of 3 objectives in danger: shop/payments')).toBeTruthy()
  })

  it('are changed with a reason, upon what was read', async () => {
    const { user } = open('/services/shop/payments?tab=objectives')
    await user.click(await screen.findByRole('button', { name: 'Edit objectives' }))
    const dialog = await screen.findByRole('dialog')
    const [percent] = within(dialog).getAllByLabelText('Percent of requests')
    await user.clear(percent as HTMLElement)
    await user.type(percent as HTMLElement, '100')
    expect(within(dialog).getByRole('button', { name: 'Save' })).toHaveProperty('disabled', true)
    await user.clear(percent as HTMLElement)
    await user.type(percent as HTMLElement, '99.5')
    expect(within(dialog).getByText('5,000 of 1,000,000 requests may be bad.')).toBeTruthy()
    await user.click(within(dialog).getByLabelText('Promise a latency'))
    await user.type(within(dialog).getByLabelText('Reason'), 'as agreed')
    await user.click(within(dialog).getByRole('button', { name: 'Save' }))
    await waitFor(() => expect(sent('PUT', /objectives/)).toHaveLength(1))
    const [put] = sent('PUT', /objectives/)
    expect(put?.body).toEqual({ availability: 99.5, latency: null, reason: 'as agreed' })
    expect(put?.headers.get('If-Match')).toMatch(/^"\w+"$/)
    expect(await screen.findByText('99.5 % without an error')).toBeTruthy()
  })

  it('are not written over what somebody else promised meanwhile', async () => {
    const { user } = open('/services/shop/payments?tab=objectives')
    await user.click(await screen.findByRole('button', { name: 'Edit objectives' }))
    const dialog = await screen.findByRole('dialog')
    incidentsOf(backend.mesh).promises['shop/payments'] = { availability: 95, latency: null }
    await user.click(within(dialog).getByRole('button', { name: 'Save' }))
    expect(await within(dialog).findByText(/Somebody changed it meanwhile/)).toBeTruthy()
    expect(incidentsOf(backend.mesh).promises['shop/payments']?.availability).toBe(95)
  })

  it('are offered where nothing is promised yet', async () => {
    const { user } = open('/services/shop/cart?tab=objectives')
    expect(await screen.findByText('shop/cart promises nothing')).toBeTruthy()
    await user.click(screen.getByRole('button', { name: 'Set objectives' }))
    const dialog = await screen.findByRole('dialog')
    await user.click(within(dialog).getByRole('button', { name: 'Save' }))
    await waitFor(() =>
      expect(incidentsOf(backend.mesh).promises['shop/cart']).toEqual({ availability: 99.9, latency: null }),
    )
  })
})
