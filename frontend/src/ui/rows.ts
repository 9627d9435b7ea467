/** Identities of rows in lists that are edited and reordered: a row keeps its own while its contents change. */

const keys = new WeakMap<object, number>()
let last = 0

export function keyOf(row: object): number {
  const known = keys.get(row)
  if (known !== undefined) return known
  last += 1
  keys.set(row, last)
  return last
}

/** `next` takes the identity of `row`. */
export function successor<R extends object>(row: object, next: R): R {
  keys.set(next, keyOf(row))
  return next
}

export function moved<T>(items: readonly T[], from: number, to: number): T[] {
  const next = [...items]
  const [item] = next.splice(from, 1)
  if (item !== undefined) next.splice(to, 0, item)
  return next
}

export function replaced<T>(items: readonly T[], at: number, item: T): T[] {
  return items.map((each, index) => (index === at ? item : each))
}

export function without<T>(items: readonly T[], at: number): T[] {
  return items.filter((_, index) => index !== at)
}

/** `base`, or with the first number behind it that is not taken. */
export function freshName(base: string, taken: readonly string[]): string {
  let name = base
  for (let number = 2; taken.includes(name); number += 1) name = `${base}-${number}`
  return name
}
