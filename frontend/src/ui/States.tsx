/** Loading, empty and error, said the same way everywhere. */
import { Button } from '@mantine/core'
import type { ReactNode } from 'react'
import { ApiError } from '@/api/problem'
import { useText } from './useText'

export function TableSkeleton({ rows = 6 }: { rows?: number }) {
  const t = useText()
  return (
    <div className="skeleton-rows" role="status" aria-label={t('state.loading')}>
      {Array.from({ length: rows }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the rows are all alike
        <div key={row} className="skeleton-row">
          <span className="skeleton" />
          <span className="skeleton" />
          <span className="skeleton" />
        </div>
      ))}
    </div>
  )
}

export function BlockSkeleton({ height = 160 }: { height?: number }) {
  const t = useText()
  return (
    <div
      className="skeleton skeleton-block"
      style={{ height }}
      role="status"
      aria-label={t('state.loading')}
    />
  )
}

export function EmptyState({ title, next, action }: { title: string; next: ReactNode; action?: ReactNode }) {
  return (
    <div className="empty">
      <strong>{title}</strong>
      <p>{next}</p>
      {action}
    </div>
  )
}

/** Names what could not be read and why; keeps whatever is known on the page. */
export function ErrorState({ source, error, retry }: { source: string; error: unknown; retry?: () => void }) {
  const t = useText()
  const refused = error instanceof ApiError
  const reason = refused ? error.message : t('state.unreachable')
  return (
    <div className="error-state" role="alert">
      <strong>{t('state.error', { source })}</strong>
      <p>
        {reason}
        {refused && <code>{error.code}</code>}
      </p>
      {retry && (
        <Button size="xs" variant="default" onClick={retry}>
          {t('action.retry')}
        </Button>
      )}
    </div>
  )
}

type Loadable<T> = { data: T | undefined; error: unknown; refetch: () => unknown }
type LoadedProps<T> = {
  query: Loadable<T>
  source: string
  skeleton?: ReactNode
  children: (data: T) => ReactNode
}

/** The three states of a query; old data stays visible below an error. */
export function Loaded<T>({ query, source, skeleton, children }: LoadedProps<T>) {
  const failed = query.error ? (
    <ErrorState source={source} error={query.error} retry={() => query.refetch()} />
  ) : null
  if (query.data === undefined) return failed ?? skeleton ?? <TableSkeleton />
  return (
    <>
      {failed}
      {children(query.data)}
    </>
  )
}

/** What is shown is of the question before: the new answer is on its way. */
export function Refreshing({ busy, children }: { busy: boolean; children: ReactNode }) {
  return (
    <div className={busy ? 'refreshing' : undefined} aria-busy={busy || undefined}>
      {children}
    </div>
  )
}
