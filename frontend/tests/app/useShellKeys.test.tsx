import { createMemoryHistory, createRootRoute, createRouter, RouterProvider } from '@tanstack/react-router'
import { render } from '@testing-library/react'
import { expect, it, vi } from 'vitest'
import { useShellKeys } from '@/app/shell/useShellKeys'

function Keys() {
  useShellKeys({ onPalette: () => undefined, onHelp: () => undefined })
  return null
}

async function show() {
  vi.stubGlobal('scrollTo', () => undefined)
  const router = createRouter({
    routeTree: createRootRoute({ component: Keys }),
    history: createMemoryHistory({ initialEntries: ['/elsewhere'] }),
    defaultNotFoundComponent: Keys,
  })
  render(<RouterProvider router={router} />)
  await router.load()
  return router
}

/** A key pressed so many milliseconds after the page was loaded. */
function press(key: string, at: number) {
  const event = new KeyboardEvent('keydown', { key, bubbles: true })
  Object.defineProperty(event, 'timeStamp', { value: at })
  document.body.dispatchEvent(event)
}

it('leads to a page by g and its letter, within a moment', async () => {
  const router = await show()
  press('g', 5000)
  press('s', 5500)
  await vi.waitFor(() => expect(router.state.location.pathname).toBe('/services'))
})

it('takes no letter for the second of two', async () => {
  const router = await show()
  press('s', 300) // in the first second after the load, too
  press('g', 5000)
  press('s', 6300)
  press('x', 7000)
  expect(router.state.location.pathname).toBe('/elsewhere')
})
