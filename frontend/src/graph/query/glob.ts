/** Patterns of names: `*` stands for anything, `?` for one character, and case does not count. Pure. */

export function hasWildcard(pattern: string): boolean {
  return /[*?]/.test(pattern)
}

/** Whether the whole text is of the pattern; time grows with the product of their lengths at most. */
export function matchesGlob(pattern: string, text: string): boolean {
  const wanted = pattern.toLowerCase()
  const given = text.toLowerCase()
  let at = 0
  let star = -1
  let resume = 0
  for (let index = 0; index < given.length; ) {
    const sign = wanted[at]
    if (sign === '*') {
      star = at
      resume = index
      at += 1
    } else if (sign === '?' || (sign !== undefined && sign === given[index])) {
      at += 1
      index += 1
    } else if (star >= 0) {
      // The last star takes one character more.
      at = star + 1
      resume += 1
      index = resume
    } else return false
  }
  while (wanted[at] === '*') at += 1
  return at === wanted.length
}
