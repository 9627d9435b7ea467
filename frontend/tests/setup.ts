import { cleanup } from '@testing-library/react'
import { afterEach } from 'vitest'

afterEach(cleanup)

// What jsdom lacks and Mantine asks for.
class NoResize {
  observe() {}
  unobserve() {}
  disconnect() {}
}
HTMLCanvasElement.prototype.getContext = () => null
Element.prototype.scrollIntoView ??= () => undefined
globalThis.ResizeObserver ??= NoResize as unknown as typeof ResizeObserver
window.matchMedia ??= ((query: string) => ({
  matches: false,
  media: query,
  addEventListener() {},
  removeEventListener() {},
  addListener() {},
  removeListener() {},
})) as unknown as typeof window.matchMedia
