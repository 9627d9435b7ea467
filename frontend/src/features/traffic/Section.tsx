import { IconChevronDown, IconChevronRight } from '@tabler/icons-react'
import { type ReactNode, useState } from 'react'
import { faultsUnder, RemoveButton, useFaults } from '@/ui/fields'
import { useText } from '@/ui/useText'

type SectionProps = {
  title: string
  /** The paths whose faults, or those below them, mark it. */
  marks: readonly string[]
  /** The paths whose own faults no field inside shows; those of `marks` where it is left out. */
  says?: readonly string[]
  /** What it says while it is folded. */
  summary: string
  folded?: boolean
  onRemove?: () => void
  children: ReactNode
}

/** A part of a rule: a name that folds it, its fields, and the way to be rid of it. */
export function Section({
  title,
  marks,
  says = marks,
  summary,
  folded = false,
  onRemove,
  children,
}: SectionProps) {
  const t = useText()
  const [open, setOpen] = useState(!folded)
  const faults = useFaults()
  const own = faults.filter(({ path }) => says.includes(path))
  const inside = marks.some((path) => faultsUnder(faults, path).length > 0)
  const Chevron = open ? IconChevronDown : IconChevronRight
  return (
    <section className="rule-section" aria-label={title} data-faulty={inside || undefined}>
      <h4>
        <button type="button" className="fold" aria-expanded={open} onClick={() => setOpen(!open)}>
          <Chevron size={14} aria-hidden="true" />
          {title}
        </button>
      </h4>
      <div className="rule-section-body">
        {open ? children : <p className="muted fold-summary">{summary}</p>}
        {own.map(({ message }) => (
          <p key={message} className="text-failing" role="alert">
            {message}
          </p>
        ))}
      </div>
      {onRemove && (
        <RemoveButton label={t('section.remove', { section: title.toLowerCase() })} onClick={onRemove} />
      )}
    </section>
  )
}
