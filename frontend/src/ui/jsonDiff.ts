/** A line diff of two values written as JSON. */

export type DiffLine = { kind: 'same' | 'added' | 'removed'; text: string }

/** Keys sorted, so that only what differs in meaning shows. */
export function toLines(value: unknown): string[] {
  return value === null || value === undefined ? [] : JSON.stringify(sorted(value), null, 2).split('\n')
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, sorted(item)]),
  )
}

/** The shortest edit by longest common subsequence. */
export function diffLines(before: string[], after: string[]): DiffLine[] {
  const width = after.length + 1
  const longest = new Uint32Array((before.length + 1) * width)
  const at = (row: number, column: number) => longest[row * width + column] ?? 0
  for (let row = before.length - 1; row >= 0; row -= 1) {
    for (let column = after.length - 1; column >= 0; column -= 1) {
      longest[row * width + column] =
        before[row] === after[column]
          ? at(row + 1, column + 1) + 1
          : Math.max(at(row + 1, column), at(row, column + 1))
    }
  }
  const lines: DiffLine[] = []
  let row = 0
  let column = 0
  while (row < before.length || column < after.length) {
    if (row < before.length && column < after.length && before[row] === after[column]) {
      lines.push({ kind: 'same', text: before[row] ?? '' })
      row += 1
      column += 1
    } else if (
      row < before.length &&
      (column === after.length || at(row + 1, column) >= at(row, column + 1))
    ) {
      lines.push({ kind: 'removed', text: before[row] ?? '' })
      row += 1
    } else {
      lines.push({ kind: 'added', text: after[column] ?? '' })
      column += 1
    }
  }
  return lines
}
