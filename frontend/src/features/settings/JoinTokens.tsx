import { NumberInput, Select } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { body, client } from '@/api/client'
import { toFormErrors } from '@/api/problem'
import { queries } from '@/api/queries'
import type { JoinToken } from '@/api/types'
import type { Column } from '@/ui/DataTable'
import { Time } from '@/ui/Time'
import { useText } from '@/ui/useText'
import { RevokeButton, SecretForm, TokenList, useRevoke } from './tokenParts'

type TokenState = 'active' | 'used' | 'expired' | 'revoked'

/** How a new proxy is let in: a token bound to a service and version, good for minutes. */
export function JoinTokens() {
  const t = useText()
  const query = useQuery(queries.joinTokens())
  const revoke = useRevoke('join-tokens', (id) =>
    body(client.DELETE('/api/v1/join-tokens/{token_id}/', { params: { path: { token_id: id } } })),
  )
  const columns: Column<JoinToken>[] = [
    { key: 'service', header: t('table.service'), cell: (token) => `${token.service} ${token.version}` },
    { key: 'state', header: t('table.state'), cell: (token) => t(`join.state.${token.state as TokenState}`) },
    { key: 'uses', header: t('join.uses'), cell: (token) => token.uses_left, numeric: true },
    {
      key: 'expires',
      header: t('tokens.expires'),
      cell: (token) => <Time at={token.expires_at} />,
      numeric: true,
    },
    { key: 'by', header: t('join.by'), cell: (token) => token.created_by },
    {
      key: 'revoke',
      header: t('table.actions'),
      cell: (token) =>
        token.state === 'active' && (
          <RevokeButton name={token.service} onRevoke={() => revoke.mutate(token.id)} />
        ),
      numeric: true,
    },
  ]
  return (
    <>
      <CreateJoinToken />
      <TokenList
        title={t('settings.join')}
        query={query}
        columns={columns}
        empty={{ title: t('join.empty'), next: t('join.empty.next') }}
      />
    </>
  )
}

/** What starts a sidecar with this token; the ports are a start, to be fitted to the instance. */
export function joinCommand(token: string, service: string, version: string): string {
  const name = `${service.split('/')[1]}-${version}`
  return [
    `MESHUI_JOIN_TOKEN=${token} python -m proxies run`,
    `--join ${window.location.origin}`,
    `--name ${name} --state ./${name}`,
    '--inbound 127.0.0.1:15006 --app 127.0.0.1:8080 --outbound 127.0.0.1:15001',
  ].join(' \\\n  ')
}

function CreateJoinToken() {
  const t = useText()
  const cache = useQueryClient()
  const services = useQuery(queries.services()).data ?? []
  const [service, setService] = useState<string | null>(null)
  const [version, setVersion] = useState<string | null>(null)
  const [uses, setUses] = useState(1)
  const [minutes, setMinutes] = useState(10)
  const versions = services.find(({ id }) => id === service)?.versions.map(({ name }) => name) ?? []
  const create = useMutation({
    mutationFn: () =>
      body(
        client.POST('/api/v1/join-tokens/', {
          body: { service: service ?? '', version: version ?? '', uses, ttl_s: minutes * 60, reason: '' },
        }),
      ),
    onSuccess: () => cache.invalidateQueries({ queryKey: ['join-tokens'] }),
  })
  const { fields, form } = toFormErrors(create.error, ['service', 'version', 'uses', 'ttl_s'])
  return (
    <SecretForm
      title={t('join.create')}
      ready={Boolean(service && version)}
      busy={create.isPending}
      problem={form}
      secret={create.data && joinCommand(create.data.token, create.data.service, create.data.version)}
      once={t('join.once')}
      onSubmit={create.mutate}
    >
      <Select
        label={t('table.service')}
        value={service}
        error={fields.service}
        data={services.map(({ id }) => id)}
        searchable
        onChange={(value) => {
          setService(value)
          setVersion(services.find(({ id }) => id === value)?.versions[0]?.name ?? null)
        }}
      />
      <Select
        w={112}
        label={t('table.version')}
        value={version}
        error={fields.version}
        data={versions}
        onChange={setVersion}
      />
      <NumberInput
        w={96}
        label={t('join.uses')}
        value={uses}
        error={fields.uses}
        min={1}
        onChange={(value) => setUses(Number(value))}
      />
      <NumberInput
        w={112}
        label={t('join.minutes')}
        value={minutes}
        error={fields.ttl_s}
        min={1}
        max={1440}
        suffix=" min"
        onChange={(value) => setMinutes(Number(value))}
      />
    </SecretForm>
  )
}
