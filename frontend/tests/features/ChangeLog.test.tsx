import { MantineProvider } from '@mantine/core'
import { QueryClientProvider } from '@tanstack/react-query'
import { render, screen, waitFor } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { HttpResponse, http } from 'msw'
import { setupServer } from 'msw/node'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { createQueryClient } from '@/api/queries'
import { ChangeLogActions } from '@/features/changes/ChangeLog'

const LINES = Array.from({ length: 10_001 }, (_, index) => ({ id: index + 1 }))
const server = setupServer(
  http.get('*/api/v1/changes/export/', ({ request }) => {
    const { searchParams } = new URL(request.url)
    const after = Number(searchParams.get('after'))
    return HttpResponse.json({ lines: LINES.slice(after, after + Number(searchParams.get('limit'))) })
  }),
)
const saved: string[] = []
vi.mock('@/ui/save', () => ({ save: (_name: string, content: string) => saved.push(content) }))

beforeAll(() => server.listen())
afterAll(() => server.close())

function show() {
  render(
    <MantineProvider env="test">
      <QueryClientProvider client={createQueryClient()}>
        <ChangeLogActions />
      </QueryClientProvider>
    </MantineProvider>,
  )
  return userEvent.setup()
}

function verification(answer: object) {
  server.use(http.get('*/api/v1/changes/verify/', () => HttpResponse.json(answer)))
}

it('says that the log is whole, or where it was altered', async () => {
  const user = show()
  verification({ intact: true, count: 42, head: 'ab'.repeat(32), why: '', broken_at: null })
  await user.click(screen.getByRole('button', { name: 'Verify the log' }))
  expect(await screen.findByText('42 changes follow one from another, up to abababababab…')).toBeTruthy()
  verification({ intact: false, count: 7, head: 'cd', why: 'change 8 is not what was written', broken_at: 8 })
  await user.click(screen.getByRole('button', { name: 'Verify the log' }))
  expect(await screen.findByText('Altered after 7 changes: change 8 is not what was written')).toBeTruthy()
})

it('exports every change, however many requests that takes', async () => {
  const user = show()
  await user.click(screen.getByRole('button', { name: 'Export' }))
  await waitFor(() => expect(saved).toHaveLength(1))
  const lines = saved[0]?.trimEnd().split('\n') ?? []
  expect(lines.map((line) => JSON.parse(line).id)).toEqual(LINES.map(({ id }) => id))
})
