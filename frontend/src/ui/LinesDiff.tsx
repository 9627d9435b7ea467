import { type DiffLine, diffLines } from './jsonDiff'
import { useText } from './useText'

const SIGN = { same: ' ', added: '+', removed: '−' } as const

type LinesDiffProps = {
  before: string[]
  after: string[]
  /** How many equal lines stay around a difference; all of them where it is left out. */
  context?: number
}

/** Two texts, line by line. */
export function LinesDiff({ before, after, context }: LinesDiffProps) {
  const t = useText()
  const lines = diffLines(before, after)
  const shown = context === undefined ? lines : around(lines, context)
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
    <section className="code-block" aria-label={t('diff.label')} tabIndex={0}>
      {shown.map((line, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a line has no identity but its place
        <div key={index} className={line ? `diff-line diff-${line.kind}` : 'diff-line diff-gap'}>
          <span>{line ? SIGN[line.kind] : '⋯'}</span>
          <span>{line?.text}</span>
        </div>
      ))}
    </section>
  )
}

/** The lines near a difference; null stands for those left out between. */
export function around(lines: readonly DiffLine[], context: number): (DiffLine | null)[] {
  const near = lines.map((_, index) =>
    lines.slice(Math.max(0, index - context), index + context + 1).some(({ kind }) => kind !== 'same'),
  )
  return lines.flatMap((line, index) => {
    if (near[index]) return [line]
    return index === 0 || near[index - 1] ? [null] : []
  })
}
