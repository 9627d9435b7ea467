import { Button, Select, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { body, client } from '@/api/client'
import { toFormErrors } from '@/api/problem'
import { queries } from '@/api/queries'
import type { ApiToken } from '@/api/types'
import { CopyText } from '@/ui/CopyText'
import { type Column, DataTable } from '@/ui/DataTable'
import { Panel } from '@/ui/Panel'
import { EmptyState, Loaded } from '@/ui/States'
import { Time } from '@/ui/Time'
import { useText } from '@/ui/useText'

const DAY_S = 86400
const LIFETIMES = [1, 30, 90, 365]

/** A person's own API tokens. The secret is shown once, when it is made. */
export function Tokens() {
  const t = useText()
  const query = useQuery(queries.tokens())
  return (
    <>
      <CreateToken />
      <Panel title={t('settings.tokens')} flush>
        <Loaded query={query} source={t('settings.tokens')}>
          {(tokens) =>
            tokens.length ? (
              <TokenTable tokens={tokens} />
            ) : (
              <EmptyState title={t('tokens.empty')} next={t('tokens.empty.next')} />
            )
          }
        </Loaded>
      </Panel>
    </>
  )
}

function CreateToken() {
  const t = useText()
  const cache = useQueryClient()
  const [name, setName] = useState('')
  const [days, setDays] = useState('90')
  const create = useMutation({
    mutationFn: () =>
      body(client.POST('/api/v1/tokens/', { body: { name, expires_in: Number(days) * DAY_S } })),
    onSuccess: () => {
      setName('')
      cache.invalidateQueries({ queryKey: ['tokens'] })
    },
  })
  const { fields, form } = toFormErrors(create.error, ['name', 'expires_in'])
  const submit = (event: FormEvent) => {
    event.preventDefault()
    create.mutate()
  }
  return (
    <Panel title={t('tokens.create')}>
      <form className="stack" onSubmit={submit}>
        <div className="form-row">
          <TextInput
            label={t('tokens.name')}
            placeholder={t('tokens.name.hint')}
            value={name}
            error={fields.name}
            required
            withAsterisk={false}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <Select
            w={144}
            label={t('tokens.lifetime')}
            value={days}
            error={fields.expires_in}
            allowDeselect={false}
            data={LIFETIMES.map((n) => ({ value: String(n), label: t('tokens.days', { n }) }))}
            onChange={(value) => setDays(value ?? '90')}
          />
          <Button type="submit" loading={create.isPending}>
            {t('tokens.create')}
          </Button>
        </div>
        {form && (
          <p className="text-failing" role="alert">
            {form}
          </p>
        )}
        {create.data && (
          <div className="stack" role="status">
            <p>{t('tokens.once')}</p>
            <CopyText block value={create.data.token} />
          </div>
        )}
      </form>
    </Panel>
  )
}

function TokenTable({ tokens }: { tokens: ApiToken[] }) {
  const t = useText()
  const cache = useQueryClient()
  const revoke = useMutation({
    mutationFn: (id: string) =>
      body(client.DELETE('/api/v1/tokens/{token_id}/', { params: { path: { token_id: Number(id) } } })),
    onSuccess: () => cache.invalidateQueries({ queryKey: ['tokens'] }),
  })
  const columns: Column<ApiToken>[] = [
    { key: 'name', header: t('tokens.name'), cell: (token) => token.name },
    { key: 'created', header: t('table.created'), cell: (token) => <Time at={token.created_at} /> },
    { key: 'used', header: t('tokens.used'), cell: (token) => <Time at={token.last_used_at} /> },
    {
      key: 'expires',
      header: t('tokens.expires'),
      cell: (token) => (token.expires_at ? <Time at={token.expires_at} /> : t('tokens.never')),
    },
    {
      key: 'revoke',
      header: t('table.actions'),
      cell: (token) => (
        <Button
          size="compact-xs"
          variant="default"
          aria-label={t('tokens.revoke.named', { name: token.name })}
          onClick={() => revoke.mutate(token.id)}
        >
          {t('tokens.revoke')}
        </Button>
      ),
      numeric: true,
    },
  ]
  return (
    <DataTable label={t('settings.tokens')} columns={columns} rows={tokens} rowKey={(token) => token.id} />
  )
}
