import { MantineProvider } from '@mantine/core'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { render, screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { expect, it, vi } from 'vitest'
import { ApiError } from '@/api/problem'
import { FormDialog } from '@/ui/FormDialog'

function show(apply: (reason: string) => Promise<unknown>) {
  render(
    <MantineProvider env="test">
      <QueryClientProvider client={new QueryClient()}>
        <FormDialog label="Add" title="Add a thing" submit="Really add" fields={['name']} apply={apply}>
          {(errors) => <p>{errors.name}</p>}
        </FormDialog>
      </QueryClientProvider>
    </MantineProvider>,
  )
}

it('sends the reason and closes', async () => {
  const apply = vi.fn(async () => null)
  show(apply)
  const user = userEvent.setup()
  await user.click(screen.getByRole('button', { name: 'Add' }))
  await user.type(await screen.findByLabelText('Reason'), 'because')
  await user.click(screen.getByRole('button', { name: 'Really add' }))
  await vi.waitFor(() => expect(screen.queryByRole('dialog')).toBeNull())
  expect(apply).toHaveBeenCalledWith('because')
})

it('stays open and says at the field what was refused', async () => {
  show(async () => {
    throw new ApiError({
      title: 'Invalid',
      status: 400,
      code: 'invalid',
      errors: [{ path: 'name', code: 'pattern', detail: 'not a name' }],
    })
  })
  const user = userEvent.setup()
  await user.click(screen.getByRole('button', { name: 'Add' }))
  await user.click(await screen.findByRole('button', { name: 'Really add' }))
  expect(await screen.findByText('not a name')).toBeTruthy()
  expect(screen.getByRole('dialog')).toBeTruthy()
})
