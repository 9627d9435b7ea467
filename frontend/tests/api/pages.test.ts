import { expect, it } from 'vitest'
import { everyPage } from '@/api/pages'

it('follows every page to the last', async () => {
  const asked: (string | undefined)[] = []
  const entries = await everyPage(async (cursor) => {
    asked.push(cursor)
    const start = Number(cursor ?? 0)
    return {
      next: start < 1000 ? `/api/v1/services/?cursor=${start + 500}` : null,
      results: [start, start + 1],
    }
  })
  expect(entries).toEqual([0, 1, 500, 501, 1000, 1001])
  expect(asked).toEqual([undefined, '500', '1000'])
})

it('says so when the pages do not end', async () => {
  await expect(everyPage(async () => ({ next: '/?cursor=again', results: [] }))).rejects.toThrow(RangeError)
})
