import { MantineProvider } from '@mantine/core'
import { render, screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { expect, it, vi } from 'vitest'
import '@/features/topology/texts'
import { QueryField } from '@/features/topology/QueryField'

function show(value = '') {
  const onChange = vi.fn()
  const onEnter = vi.fn()
  render(
    <MantineProvider env="test">
      <QueryField
        label="Find"
        placeholder=""
        value={value}
        outcome="3 found"
        vocabulary={() => ({ ns: ['platform', 'shop'], '': ['cart'] })}
        onChange={onChange}
        onEnter={onEnter}
      />
    </MantineProvider>,
  )
  return {
    user: userEvent.setup(),
    field: screen.getByRole<HTMLInputElement>('textbox', { name: 'Find' }),
    onChange,
    onEnter,
  }
}

it('completes fields, operators and values by keyboard', async () => {
  const { user, field, onChange } = show()
  await user.click(field)
  await user.keyboard('n')
  expect(await screen.findByRole('option', { name: /^ns/ })).toBeTruthy()
  await user.keyboard('{ArrowDown}{Enter}')
  expect(field.value).toBe('ns ')
  await user.keyboard('= sh{ArrowDown}{Enter}')
  expect(field.value).toBe('ns = shop ')
  await vi.waitFor(() => expect(onChange).toHaveBeenLastCalledWith('ns = shop'))
})

it('says what is wrong, at its place, and does not ask for it', async () => {
  const { user, field, onChange } = show()
  await user.click(field)
  await user.keyboard('rate > fast and tcp{Escape}')
  expect((await screen.findByText('fast')).tagName).toBe('MARK')
  expect(field.getAttribute('aria-invalid')).toBe('true')
  await user.keyboard('{Enter}')
  expect(onChange).not.toHaveBeenCalledWith('rate > fast and tcp')
})

it('goes on to the next with Enter, and is cleared by its button', async () => {
  const { user, field, onChange, onEnter } = show('tcp')
  await user.click(field)
  await user.keyboard('{Escape}{Enter}')
  expect(onEnter).toHaveBeenCalledOnce()
  await user.click(screen.getByRole('button', { name: 'Clear Find' }))
  expect([field.value, onChange.mock.lastCall]).toEqual(['', ['']])
})
