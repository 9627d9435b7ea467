import { Button, NumberInput, Select } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { body, client } from '@/api/client'
import { toFormErrors } from '@/api/problem'
import { queries } from '@/api/queries'
import type { JoinToken } from '@/api/types'
import { CopyText } from '@/ui/CopyText'
import { type Column, DataTable } from '@/ui/DataTable'
import { Panel } from '@/ui/Panel'
import { EmptyState, Loaded } from '@/ui/States'
import { Time } from '@/ui/Time'
import { useText } from '@/ui/useText'

type TokenState = 'active' | 'used' | 'expired' | 'revoked'

/** How a new proxy is let in: a token bound to a service and version, good for minutes. */
export function JoinTokens() {
  const t = useText()
  const query = useQuery(queries.joinTokens())
  return (
    <>
      <CreateJoinToken />
      <Panel title={t('settings.join')} flush>
        <Loaded query={query} source={t('settings.join')}>
          {(tokens) =>
            tokens.length ? (
              <JoinTokenTable tokens={tokens} />
            ) : (
              <EmptyState title={t('join.empty')} next={t('join.empty.next')} />
            )
          }
        </Loaded>
      </Panel>
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
  const submit = (event: FormEvent) => {
    event.preventDefault()
    create.mutate()
  }
  return (
    <Panel title={t('join.create')}>
      <form className="stack" onSubmit={submit}>
        <div className="form-row">
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
          <Button type="submit" disabled={!service || !version} loading={create.isPending}>
            {t('join.create')}
          </Button>
        </div>
        {form && (
          <p className="text-failing" role="alert">
            {form}
          </p>
        )}
        {create.data && (
          <div className="stack" role="status">
            <p>{t('join.once')}</p>
            <CopyText
              block
              value={joinCommand(create.data.token, create.data.service, create.data.version)}
            />
          </div>
        )}
      </form>
    </Panel>
  )
}

function JoinTokenTable({ tokens }: { tokens: JoinToken[] }) {
  const t = useText()
  const cache = useQueryClient()
  const revoke = useMutation({
    mutationFn: (id: string) =>
      body(client.DELETE('/api/v1/join-tokens/{token_id}/', { params: { path: { token_id: Number(id) } } })),
    onSuccess: () => cache.invalidateQueries({ queryKey: ['join-tokens'] }),
  })
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
          <Button
            size="compact-xs"
            variant="default"
            aria-label={t('tokens.revoke.named', { name: token.service })}
            onClick={() => revoke.mutate(token.id)}
          >
            {t('tokens.revoke')}
          </Button>
        ),
      numeric: true,
    },
  ]
  return <DataTable label={t('settings.join')} columns={columns} rows={tokens} rowKey={(token) => token.id} />
}
