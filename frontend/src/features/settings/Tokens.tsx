import { Select, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { body, client } from '@/api/client'
import { toFormErrors } from '@/api/problem'
import { queries } from '@/api/queries'
import type { ApiToken } from '@/api/types'
import type { Column } from '@/ui/DataTable'
import { Time } from '@/ui/Time'
import { useText } from '@/ui/useText'
import { RevokeButton, SecretForm, TokenList, useRevoke } from './tokenParts'

const DAY_S = 86400
const LIFETIMES = [1, 30, 90, 365]

/** A person's own API tokens. The secret is shown once, when it is made. */
export function Tokens() {
  const t = useText()
  const query = useQuery(queries.tokens())
  const revoke = useRevoke('tokens', (id) =>
    body(client.DELETE('/api/v1/tokens/{token_id}/', { params: { path: { token_id: id } } })),
  )
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
      cell: (token) => <RevokeButton name={token.name} onRevoke={() => revoke.mutate(token.id)} />,
      numeric: true,
    },
  ]
  return (
    <>
      <CreateToken />
      <TokenList
        title={t('settings.tokens')}
        query={query}
        columns={columns}
        empty={{ title: t('tokens.empty'), next: t('tokens.empty.next') }}
      />
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
  return (
    <SecretForm
      title={t('tokens.create')}
      busy={create.isPending}
      problem={form}
      secret={create.data?.token}
      once={t('tokens.once')}
      onSubmit={create.mutate}
    >
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
    </SecretForm>
  )
}
