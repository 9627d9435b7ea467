import { MantineProvider } from '@mantine/core'
import { QueryClientProvider } from '@tanstack/react-query'
import { render, screen, waitFor } from '@testing-library/react'
import { HttpResponse, http } from 'msw'
import { setupServer } from 'msw/node'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { createQueryClient, queries } from '@/api/queries'
import { SnapshotBanner } from '@/app/shell/SnapshotBanner'
import { setLocale } from '@/text'
import { formatAbsolute } from '@/ui/format'

const TAKEN = '2026-03-01T12:00:00Z'
const server = setupServer()
beforeAll(() => server.listen({ onUnhandledRequest: 'bypass' }))
afterAll(() => server.close())
afterEach(() => setLocale('en'))

function show(snapshot: { taken_at: string; since: string } | null) {
  server.use(http.get('*/api/v1/info/', () => HttpResponse.json({ name: 'meshui', snapshot })))
  const client = createQueryClient()
  render(
    <MantineProvider env="test">
      <QueryClientProvider client={client}>
        <SnapshotBanner />
      </QueryClientProvider>
    </MantineProvider>,
  )
  return client
}

it.each([
  ['en', 'A snapshot of', 'read-only'],
  ['fr', 'Un instantané du', 'en lecture seule'],
] as const)('says in %s that what is shown is a snapshot, and of when', async (locale, what, how) => {
  await setLocale(locale)
  show({ taken_at: TAKEN, since: '2026-03-01T11:45:00Z' })
  const { textContent } = await screen.findByRole('note')
  expect(textContent).toBe(`${what} ${formatAbsolute(TAKEN)}, ${how}`)
})

it('says nothing of a mesh that runs', async () => {
  const client = show(null)
  await waitFor(() => expect(client.getQueryData(queries.info().queryKey)).toBeTruthy())
  expect(screen.queryByRole('note')).toBeNull()
})
