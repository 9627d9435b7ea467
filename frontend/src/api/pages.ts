/** Lists come in pages; whoever shows a list follows them all. */

type Page<T> = { next: string | null; results: T[] }

export const MAX_PAGE = 500
/** A server whose pages never end must not keep a browser asking: 50,000 entries are more than any page can show. */
const MAX_PAGES = 100

/** Every entry of a list. Throws when it does not end. */
export async function everyPage<T>(page: (cursor: string | undefined) => Promise<Page<T>>): Promise<T[]> {
  const entries: T[] = []
  let cursor: string | undefined
  for (let count = 0; count < MAX_PAGES; count += 1) {
    const { next, results } = await page(cursor)
    entries.push(...results)
    cursor = cursorOf(next)
    if (!cursor) return entries
  }
  throw new RangeError(`a list of more than ${MAX_PAGES} pages`)
}

/** The cursor in the address of the next page. */
export function cursorOf(next: string | null): string | undefined {
  return (next && new URL(next, window.location.origin).searchParams.get('cursor')) || undefined
}
