/** Weights of a split: whole per cents that always sum to 100, some of them held by a lock. */

export type Weights = Record<string, number>
export type Locks = ReadonlySet<string>

export const WHOLE = 100

export function sum(weights: Weights): number {
  return Object.values(weights).reduce((total, weight) => total + weight, 0)
}

function free(weights: Weights, locks: Locks, except?: string): string[] {
  return Object.keys(weights).filter((version) => !locks.has(version) && version !== except)
}

/** Deal `amount` out in proportion to `shares`, whole numbers, the largest remainders rounded up. */
function deal(amount: number, versions: string[], shares: (version: string) => number): Weights {
  const total = versions.reduce((all, version) => all + shares(version), 0)
  const exact = versions.map((version) => ({
    version,
    value: total > 0 ? (amount * shares(version)) / total : amount / versions.length,
  }))
  const dealt: Weights = Object.fromEntries(exact.map(({ version, value }) => [version, Math.floor(value)]))
  let left = amount - sum(dealt)
  const byRemainder = [...exact].sort((a, b) => (b.value % 1) - (a.value % 1))
  for (const { version } of byRemainder) {
    if (left <= 0) break
    dealt[version] = (dealt[version] ?? 0) + 1
    left -= 1
  }
  return dealt
}

/**
 * Give one version a weight; the unlocked others make room in proportion to what they have.
 * The weight is limited to what the locks leave; with no other version free nothing changes.
 */
export function setWeight(weights: Weights, locks: Locks, version: string, wanted: number): Weights {
  const others = free(weights, locks, version)
  if (others.length === 0 || !(version in weights)) return weights
  const held = Object.keys(weights).reduce(
    (total, each) => total + (each !== version && locks.has(each) ? (weights[each] ?? 0) : 0),
    0,
  )
  const value = Math.max(0, Math.min(WHOLE - held, Math.round(wanted) || 0))
  return { ...weights, ...deal(WHOLE - held - value, others, (each) => weights[each] ?? 0), [version]: value }
}

/** Share evenly what the locks leave. */
export function even(weights: Weights, locks: Locks): Weights {
  const open = free(weights, locks)
  if (open.length === 0) return weights
  const held = sum(weights) - open.reduce((total, version) => total + (weights[version] ?? 0), 0)
  return { ...weights, ...deal(WHOLE - held, open, () => 1) }
}

export type WeightChange = { version: string; before: number; after: number }

export function weightChanges(before: Weights, after: Weights): WeightChange[] {
  return Object.keys({ ...before, ...after })
    .map((version) => ({ version, before: before[version] ?? 0, after: after[version] ?? 0 }))
    .filter((change) => change.before !== change.after)
}
