/** What API tokens and join tokens have in common: a form whose secret is shown once, a list, and revoking. */
import { Button } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import type { FormEvent, ReactNode } from 'react'
import { CopyText } from '@/ui/CopyText'
import { type Column, DataTable } from '@/ui/DataTable'
import { Panel } from '@/ui/Panel'
import { EmptyState, Loaded } from '@/ui/States'
import { useText } from '@/ui/useText'

type SecretFormProps = {
  title: string
  ready?: boolean
  busy: boolean
  /** What is wrong with the whole form. */
  problem: string | null
  /** What was made, and what to do with it. */
  secret: string | undefined
  once: string
  onSubmit: () => void
  children: ReactNode
}

export function SecretForm({
  title,
  ready = true,
  busy,
  problem,
  secret,
  once,
  onSubmit,
  children,
}: SecretFormProps) {
  const submit = (event: FormEvent) => {
    event.preventDefault()
    onSubmit()
  }
  return (
    <Panel title={title}>
      <form className="stack" onSubmit={submit}>
        <div className="form-row">
          {children}
          <Button type="submit" disabled={!ready} loading={busy}>
            {title}
          </Button>
        </div>
        {problem && (
          <p className="text-failing" role="alert">
            {problem}
          </p>
        )}
        {secret && (
          <div className="stack" role="status">
            <p>{once}</p>
            <CopyText block value={secret} />
          </div>
        )}
      </form>
    </Panel>
  )
}

type TokenListProps<T> = {
  title: string
  query: { data: T[] | undefined; error: unknown; refetch: () => unknown }
  columns: Column<T>[]
  empty: { title: string; next: string }
}

export function TokenList<T extends { id: string }>({ title, query, columns, empty }: TokenListProps<T>) {
  return (
    <Panel title={title} flush>
      <Loaded query={query} source={title}>
        {(tokens) =>
          tokens.length ? (
            <DataTable label={title} columns={columns} rows={tokens} rowKey={({ id }) => id} />
          ) : (
            <EmptyState {...empty} />
          )
        }
      </Loaded>
    </Panel>
  )
}

/** Revokes at once; `key` is of the list that then has one less. */
export function useRevoke(key: string, remove: (id: number) => Promise<unknown>) {
  const cache = useQueryClient()
  return useMutation({
    mutationFn: (id: string) => remove(Number(id)),
    onSuccess: () => cache.invalidateQueries({ queryKey: [key] }),
  })
}

export function RevokeButton({ name, onRevoke }: { name: string; onRevoke: () => void }) {
  const t = useText()
  return (
    <Button
      size="compact-xs"
      variant="default"
      aria-label={t('tokens.revoke.named', { name })}
      onClick={onRevoke}
    >
      {t('tokens.revoke')}
    </Button>
  )
}
