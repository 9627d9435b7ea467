import type { ReactNode } from 'react'

type PanelProps = {
  title?: ReactNode
  aside?: ReactNode
  flush?: boolean
  children: ReactNode
  label?: string
}

/** A bordered block of a page. `flush` lets a table touch its border. */
export function Panel({ title, aside, flush, children, label }: PanelProps) {
  return (
    <section className="panel" aria-label={label}>
      {(title || aside) && (
        <header className="panel-head">
          <h2>{title}</h2>
          {aside && <div className="panel-aside">{aside}</div>}
        </header>
      )}
      <div className={flush ? 'panel-flush' : 'panel-body'}>{children}</div>
    </section>
  )
}

/** A page: its answer in one sentence, then the evidence. */
export function PageBody({ children }: { children: ReactNode }) {
  return <div className="page">{children}</div>
}

export function PageHead({
  sentence,
  detail,
  actions,
}: {
  sentence: ReactNode
  detail?: ReactNode
  actions?: ReactNode
}) {
  return (
    <div className="page-head">
      <div>
        <h1>{sentence}</h1>
        {detail && <p className="muted">{detail}</p>}
      </div>
      {actions && <div className="page-actions">{actions}</div>}
    </div>
  )
}

/** Name and value pairs. */
export function Facts({ items }: { items: [label: string, value: ReactNode][] }) {
  return (
    <dl className="facts">
      {items.map(([label, value]) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}
