import { traceId } from '@mock/traces'
import { screen, waitFor, within } from '@testing-library/react'
import { describe, expect, it, vi } from 'vitest'
import { mockBackend, open } from './pages'

// jsdom has no canvas; what the scatter decides is tested by itself.
vi.mock('uplot', () => ({
  default: class {
    over = document.createElement('div')
    setSize() {}
    destroy() {}
  },
}))

const backend = mockBackend()
const asked = (path: RegExp) => backend.asked.filter((each) => path.test(each.path))
/** Of the mock's walks: a checkout that failed after a second try; one that was denied; one without its root. */
const RETRIED = traceId(12)
const DENIED = traceId(36)
const ORPHANED = traceId(50)

describe('the search', () => {
  it('is all in the address, and asks points and list alike', async () => {
    const { user, router } = open('/traces?error=true')
    expect(await screen.findByRole('heading', { name: /20 traces found: 20 failed/ })).toBeTruthy()
    await user.type(screen.getByRole('textbox', { name: 'Flag' }), 'uaex')
    await waitFor(() => expect(router.state.location.search).toEqual({ error: true, flag: 'UAEX' }))
    await waitFor(() => expect(asked(/^traces\/points\/.*flag=UAEX/)).toHaveLength(1))
    const sent = new URLSearchParams(asked(/^traces\/\?.*flag=UAEX/)[0]?.path.split('?')[1])
    expect(sent.get('error')).toBe('true')
    expect(Date.parse(sent.get('to') ?? '') - Date.parse(sent.get('from') ?? '')).toBe(3_600_000)
    const table = await screen.findByRole('table', { name: 'Traces' })
    await waitFor(() => expect(within(table).getAllByRole('row')).toHaveLength(1 + 7))
  })

  it('says how a trace ended and leads to it; older ones come on demand', async () => {
    const { user } = open('/traces')
    const table = await screen.findByRole('table', { name: 'Traces' })
    expect(within(table).getAllByText('503, 5 errors')[0]).toBeTruthy()
    await user.click(screen.getByRole('button', { name: 'Older traces' }))
    await waitFor(() => expect(within(table).getAllByRole('row')).toHaveLength(1 + 100))
    const link = within(table).getAllByRole('link')[0]
    expect(link?.getAttribute('href')).toBe(`/traces/${traceId(0)}`)
  })

  it('keeps an edge that a link named until it is let go', async () => {
    const { user, router } = open('/traces?edge=shop/checkout->shop/payments')
    expect(await screen.findByText('shop/checkout → shop/payments')).toBeTruthy()
    await waitFor(() => expect(asked(/edge=shop%2Fcheckout-%3Eshop%2Fpayments/)).not.toHaveLength(0))
    await user.click(screen.getByRole('button', { name: 'Search other edges too' }))
    await waitFor(() => expect(router.state.location.search).toEqual({}))
  })

  it('opens a pasted trace id', async () => {
    const { user, router } = open('/traces')
    await user.click(await screen.findByRole('textbox', { name: 'Trace id' }))
    await user.paste(` ${RETRIED.toUpperCase()} `)
    await waitFor(() => expect(router.state.location.pathname).toBe(`/traces/${RETRIED}`))
  })

  it('says what to do where nothing is traced', async () => {
    backend.mesh.traces.settings.enabled = false
    open('/traces')
    expect(await screen.findByText('Tracing is off')).toBeTruthy()
    const link = screen.getByRole('link', { name: 'Tracing settings' })
    expect(link.getAttribute('href')).toBe('/settings?tab=telemetry')
  })

  it('keeps what is known when the server does not answer', async () => {
    const { user } = open('/traces')
    const table = await screen.findByRole('table', { name: 'Traces' })
    backend.mesh.signedIn = false
    await user.click(screen.getByRole('button', { name: 'Refresh' }))
    expect((await screen.findAllByRole('alert')).length).toBeGreaterThan(0)
    expect(within(table).getAllByRole('row').length).toBeGreaterThan(1)
  })
})

describe('a trace', () => {
  it('answers in a sentence, shows where it failed first, and tells each try', async () => {
    open(`/traces/${RETRIED}`)
    expect(
      await screen.findByRole('heading', { name: /platform\/gateway POST default failed at shop\/payments/ }),
    ).toBeTruthy()
    const details = screen.getByRole('complementary', { name: 'The span looked at' })
    expect(
      within(details).getByText(/^Try 1 at 127.0.0.1:20031 ended .* \(status 503\), so it was tried again/),
    ).toBeTruthy()
    expect(within(details).getByText('Every try failed and none was left (URX)')).toBeTruthy()
    expect(within(details).getByText('Route pay of shop/payments')).toBeTruthy()
    expect(within(details).getByText('Sent to v2 at 127.0.0.1:20031')).toBeTruthy()
    expect(screen.getByText(/^shop\/payments/, { selector: '.time-spent .marked' })).toBeTruthy()
  })

  it('is walked by keyboard, folds, and keeps the span in the address', async () => {
    const { user, router } = open(`/traces/${RETRIED}`)
    const tree = await screen.findByRole('tree', { name: 'Spans of the trace' })
    const items = () => within(tree).getAllByRole('treeitem')
    expect(items()).toHaveLength(5)
    const first = items()[0] as HTMLElement
    await user.click(first)
    await waitFor(() => expect(first.getAttribute('aria-selected')).toBe('true'))
    first.focus()
    await user.keyboard('{ArrowDown}{ArrowDown}')
    await waitFor(() => expect(document.activeElement?.getAttribute('aria-level')).toBe('3'))
    await user.keyboard('{ArrowLeft}')
    await waitFor(() => expect(items()).toHaveLength(3))
    expect(items()[2]?.getAttribute('aria-expanded')).toBe('false')
    await user.keyboard('{ArrowRight}')
    await waitFor(() => expect(items()).toHaveLength(5))
    await user.keyboard('{End}')
    await waitFor(() => expect(items()[4]?.getAttribute('aria-selected')).toBe('true'))
    expect(router.state.location.search).toHaveProperty('span')
    expect(screen.getByText('At 127.0.0.1:20031: status 503 after 162 ms')).toBeTruthy()
  })

  it('leads from a denial to the question which policy it was', async () => {
    open(`/traces/${DENIED}`)
    expect(await screen.findByText('Access was denied (UAEX)')).toBeTruthy()
    const href = screen.getByRole('link', { name: 'Ask which policy' }).getAttribute('href') ?? ''
    expect(Object.fromEntries(new URLSearchParams(href.split('?')[1]))).toEqual({
      tab: 'explain',
      source: 'shop/checkout',
      service: 'shop/payments',
      method: 'POST',
      path: '/charge',
    })
  })

  it('says plainly what of it is missing', async () => {
    open(`/traces/${ORPHANED}`)
    expect(await screen.findByText(/^1 span names a parent that is not here/)).toBeTruthy()
    open(`/traces/${'f'.repeat(32)}`)
    expect(await screen.findByText('There is no such trace')).toBeTruthy()
  })

  it('leads to where else traces are kept', async () => {
    backend.mesh.traces.settings.link = 'https://jaeger.example.com/trace/{trace_id}'
    open(`/traces/${RETRIED}`)
    const link = await screen.findByRole('link', { name: 'Open in jaeger.example.com' })
    expect(link.getAttribute('href')).toBe(`https://jaeger.example.com/trace/${RETRIED}`)
  })
})

function editTracing(): HTMLElement {
  const panel = screen.getByRole('heading', { name: 'Tracing' }).closest('section')
  return within(panel as HTMLElement).getByRole('button', { name: 'Edit' })
}

describe('the settings of tracing', () => {
  it('are changed with a reason, and say what is wrong where it is', async () => {
    const { user } = open('/settings?tab=telemetry')
    expect(await screen.findByText('100 % of new traces are kept')).toBeTruthy()
    await user.click(editTracing())
    const dialog = await screen.findByRole('dialog')
    const percent = within(dialog).getByRole('textbox', { name: 'Share of new traces' })
    await user.clear(percent)
    await user.type(percent, '5')
    await user.type(within(dialog).getByRole('textbox', { name: 'Also kept in' }), 'jaeger')
    await user.type(within(dialog).getByRole('textbox', { name: 'Reason' }), 'less disk')
    await user.click(within(dialog).getByRole('button', { name: 'Save' }))
    expect(await within(dialog).findByText(/^Begins with http/)).toBeTruthy()
    await user.clear(within(dialog).getByRole('textbox', { name: 'Also kept in' }))
    await user.click(within(dialog).getByRole('button', { name: 'Save' }))
    expect(await screen.findByText('5 % of new traces are kept, and each failed request')).toBeTruthy()
    expect(backend.mesh.changes[0]).toMatchObject({ action: 'tracing.set', reason: 'less disk' })
  })

  it('are shown to who may not change them, with the reason', async () => {
    const me = backend.mesh.me()
    backend.mesh.me = () => ({ ...me, is_superuser: false, permissions: { '*': ['view'] } })
    open('/settings?tab=telemetry')
    await screen.findByText('100 % of new traces are kept')
    const button = editTracing()
    await waitFor(() => expect(button.getAttribute('aria-disabled')).toBe('true'))
  })
})
