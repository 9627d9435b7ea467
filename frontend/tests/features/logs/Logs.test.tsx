import { screen, waitFor, within } from '@testing-library/react'
import { describe, expect, it } from 'vitest'
import { listenIn, mockBackend, open } from './pages'

const backend = mockBackend()
const asked = (path: RegExp) => backend.asked.filter((each) => path.test(each.path))
const readOnly = () => {
  const me = backend.mesh.me()
  backend.mesh.me = () => ({ ...me, is_superuser: false, permissions: { '*': ['view'] } })
}

describe('the access log', () => {
  it('is searched by the address, says what decided, and leads on from a line', async () => {
    const { user, router } = open('/logs?destination=shop/payments&flag=UAEX')
    const table = await screen.findByRole('table', { name: 'Access log' })
    const sent = new URLSearchParams(asked(/^logs\/\?/)[0]?.path.split('?')[1])
    expect(Object.fromEntries(sent)).toMatchObject({
      destination: 'shop/payments',
      flag: 'UAEX',
      page_size: '100',
    })
    const opener = within(table).getAllByRole('button', { expanded: false })[0] as HTMLElement
    await user.click(opener)
    await waitFor(() => expect(opener.getAttribute('aria-expanded')).toBe('true'))
    expect(router.state.location.search).toHaveProperty('line')
    expect(within(table).getByText('Access was denied (UAEX)')).toBeTruthy()
    expect(within(table).getByText('Policy payments-callers, rule 1')).toBeTruthy()
    expect(within(table).getByRole('link', { name: 'Open its trace' }).getAttribute('href')).toMatch(
      /^\/traces\/0{26}/,
    )
    expect(within(table).getByRole('link', { name: 'Open the policy' }).getAttribute('href')).toBe(
      '/security/policies/payments-callers',
    )
    await user.click(screen.getByRole('button', { name: 'Search without it: To' }))
    await waitFor(() => expect(router.state.location.search).not.toHaveProperty('destination'))
  })

  it('finds a pasted trace whenever it was', async () => {
    const { user, router } = open('/logs')
    const field = await screen.findByRole('textbox', { name: 'Trace or request id' })
    await user.click(field)
    await user.paste(`${'0'.repeat(26)}ABC00C`)
    await user.keyboard('{Enter}')
    await waitFor(() =>
      expect(router.state.location.search).toHaveProperty('trace_id', `${'0'.repeat(26)}abc00c`),
    )
    await waitFor(() => expect(asked(/trace_id=/)).not.toHaveLength(0))
    expect(asked(/trace_id=/)[0]?.path).not.toContain('from=')
  })

  it('says when it is off, and lets who may switch it on, with a reason', async () => {
    backend.mesh.logs.settings = { mode: 'off', percent: 0, collected: true }
    const { user } = open('/logs')
    await user.click(await screen.findByRole('button', { name: 'Switch the access log on' }))
    const dialog = await screen.findByRole('dialog')
    await user.type(within(dialog).getByRole('textbox', { name: 'Reason' }), 'incident 12')
    await user.click(within(dialog).getByRole('button', { name: 'Save' }))
    await waitFor(() =>
      expect(backend.mesh.logs.settings).toEqual({ mode: 'all', percent: 10, collected: true }),
    )
    expect(backend.mesh.changes[0]).toMatchObject({ action: 'logging.set', reason: 'incident 12' })
    expect(await screen.findByRole('table', { name: 'Access log' })).toBeTruthy()
  })

  it('says why a viewer may not', async () => {
    backend.mesh.logs.settings = { mode: 'off', percent: 0, collected: true }
    readOnly()
    open('/logs')
    const button = await screen.findByRole('button', { name: 'Switch the access log on' })
    await waitFor(() => expect(button.getAttribute('aria-disabled')).toBe('true'))
  })

  it('tells lines that stay with the proxies from lines that do not exist', async () => {
    backend.mesh.logs.settings = { mode: 'errors', percent: 0, collected: false }
    open('/logs')
    expect(await screen.findByText('Lines stay with the proxies')).toBeTruthy()
    expect(screen.getByRole('button', { name: 'Collect the lines here' })).toBeTruthy()
  })

  it('is followed by the same filters, and asks for nothing meanwhile', async () => {
    const wire = listenIn()
    const lines = backend.mesh.logs.lines()
    const { user } = open('/logs?error=true&live=1')
    await waitFor(() => expect(wire.topics.get('logs')?.params).toEqual({ error: 'true' }))
    expect(await screen.findByText('Nothing yet')).toBeTruthy()
    wire.send('logs', 'state', { logs: lines.slice(1, 3) })
    wire.send('logs', 'diff', { logs: lines.slice(0, 1), skipped: true })
    const table = await screen.findByRole('table', { name: 'Access log' })
    expect(within(table).getAllByRole('row')).toHaveLength(1 + 3)
    expect(screen.getByText(/^More came than can be shown/)).toBeTruthy()
    expect(asked(/^logs\/\?/)).toHaveLength(0)
    await user.click(screen.getByRole('button', { name: 'Stop following' }))
    await waitFor(() => expect(wire.topics.has('logs')).toBe(false))
  })
})

describe('taps', () => {
  it('begin where a link says, after saying what will happen', async () => {
    const { user, router } = open('/logs/taps?source=shop/checkout&destination=shop/payments')
    expect(
      await screen.findByText(
        'Tap requests from shop/checkout to shop/payments: up to 10 requests a second of each proxy, for 10 min',
      ),
    ).toBeTruthy()
    await user.click(screen.getByText('Filters, rate and redaction'))
    await user.type(screen.getByRole('textbox', { name: 'Path' }), 'charge')
    await user.click(screen.getByRole('button', { name: 'Tap' }))
    expect(await screen.findByText('Begins with / or *')).toBeTruthy()
    await user.type(screen.getByRole('textbox', { name: 'Path' }), '{Home}/')
    await user.click(screen.getByRole('button', { name: 'Tap' }))
    await waitFor(() => expect(router.state.location.pathname).toBe('/logs/taps/1'))
    expect(backend.mesh.logs.taps[0]).toMatchObject({ source: 'shop/checkout', path: '/charge', rate: 10 })
  })

  it('are not for who may only look, and say so', async () => {
    readOnly()
    const { user } = open('/logs/taps?destination=shop/payments')
    const button = await screen.findByRole('button', { name: 'Tap' })
    await waitFor(() => expect(button.getAttribute('aria-disabled')).toBe('true'))
    await user.click(button)
    expect(asked(/^taps\//).filter(({ method }) => method === 'POST')).toHaveLength(0)
  })

  it('show requests as they pass, hold still when told, and say what was left out', async () => {
    const wire = listenIn()
    const { logs } = backend.mesh
    logs.start({ source: '', destination: 'shop/payments', seconds: 600, side: '' } as never)
    const { user } = open('/logs/taps/1')
    expect(
      await screen.findByRole('heading', { name: /^Tapping requests to shop\/payments, \d+:\d\d left$/ }),
    ).toBeTruthy()
    await waitFor(() => expect(wire.topics.has('tap:1')).toBe(true))
    wire.send('tap:1', 'state', logs.watched('1'))
    const table = await screen.findByRole('table', { name: 'Requests as they pass' })
    expect(screen.getByText('Left out by proxies').nextSibling?.textContent).toBe('3')

    await user.click(within(table).getByRole('button', { expanded: false }))
    expect(within(table).getByText('authorization').nextSibling?.textContent).toBe('taken out')

    await user.click(screen.getByRole('button', { name: 'Pause' }))
    wire.send('tap:1', 'diff', logs.watched('1'))
    expect(await screen.findByText('Paused: 1 request came meanwhile')).toBeTruthy()
    expect(within(table).getAllByRole('button', { name: /:/ })).toHaveLength(1)
    await user.click(screen.getByRole('button', { name: 'Resume' }))
    await waitFor(() => expect(within(table).getAllByRole('button', { name: /:/ })).toHaveLength(2))

    const message = logs.watched('1')
    wire.send('tap:1', 'diff', {
      ...message,
      records: message?.records.slice(-1).map((each) => ({ ...each, n: 9 })),
    })
    await waitFor(() => expect(screen.getByText('Lost by this browser').nextSibling?.textContent).toBe('6'))
  })

  it('end in sight, keep what came, and can be had again', async () => {
    const wire = listenIn()
    const { logs } = backend.mesh
    logs.start({
      source: '',
      destination: 'shop/payments',
      seconds: 600,
      side: '',
      flag: '',
      path: '',
      method: '',
      code: '',
      header: '',
      redact: [],
    } as never)
    const { user } = open('/logs/taps/1')
    await screen.findByRole('heading', { name: /^Tapping/ })
    await waitFor(() => expect(wire.topics.has('tap:1')).toBe(true))
    wire.send('tap:1', 'state', logs.watched('1'))
    await user.click(screen.getByRole('button', { name: 'Stop' }))
    await waitFor(() => expect(logs.taps[0]?.state).toBe('stopped'))
    wire.send('tap:1', 'diff', { ...logs.watched('1'), records: [] })
    expect(await screen.findByText(/^Stopped by admin/)).toBeTruthy()
    expect(screen.getByRole('table', { name: 'Requests as they pass' })).toBeTruthy()
    await user.click(screen.getByRole('button', { name: 'Tap again' }))
    expect(await screen.findByText(/^Tap requests to shop\/payments: up to/)).toBeTruthy()
  })

  it('that nobody watched say so', async () => {
    const wire = listenIn()
    const { logs } = backend.mesh
    const tap = logs.start({ source: '', destination: 'shop/payments', seconds: 600, side: '' } as never)
    open('/logs/taps/1')
    await screen.findByRole('heading', { name: /^Tapping/ })
    await waitFor(() => expect(wire.topics.has('tap:1')).toBe(true))
    tap.state = 'unwatched'
    wire.send('tap:1', 'state', logs.watched('1'))
    expect(await screen.findByText(/^Nobody watched it for 20 seconds/)).toBeTruthy()
    expect(screen.queryByRole('button', { name: 'Stop' })).toBeNull()
  })
})
