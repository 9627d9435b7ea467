import { expect, it } from 'vitest'
import { decodeLayout, encodeLayout } from '@/graph/sharedLayout'

it('comes back as it was, to the grid', async () => {
  const places = { 'shop/cart': { x: -401, y: 12.4 }, 'platform/gateway': { x: 0, y: 1000 } }
  const code = await encodeLayout(places)
  expect(code).toMatch(/^[\w-]+$/)
  expect(await decodeLayout(code)).toEqual({
    'shop/cart': { x: -400, y: 12 },
    'platform/gateway': { x: 0, y: 1000 },
  })
})

it('fits a usual mesh into an address', async () => {
  const places = Object.fromEntries(
    Array.from({ length: 100 }, (_, n) => [
      `namespace-${n % 7}/service-${n}`,
      { x: (n * 208) % 2000, y: n * 37 },
    ]),
  )
  expect((await encodeLayout(places)).length).toBeLessThan(2500)
})

it.each(['', 'nonsense', '!!!', 'AAAA'])('of %j is none', async (code) => {
  expect(await decodeLayout(code)).toBeNull()
})
