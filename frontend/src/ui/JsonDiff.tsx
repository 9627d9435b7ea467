import { diffLines, toLines } from './jsonDiff'
import { useText } from './useText'

const SIGN = { same: ' ', added: '+', removed: '−' } as const

export function JsonDiff({ before, after }: { before: unknown; after: unknown }) {
  const t = useText()
  const lines = diffLines(toLines(before), toLines(after))
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
    <section className="code-block" aria-label={t('diff.label')} tabIndex={0}>
      {lines.map(({ kind, text }, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a line has no identity but its place
        <div key={index} className={`diff-line diff-${kind}`}>
          <span>{SIGN[kind]}</span>
          <span>{text}</span>
        </div>
      ))}
    </section>
  )
}
