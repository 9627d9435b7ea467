import { Select, TextInput } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { body, client, tagged } from '@/api/client'
import { queries, servicePath } from '@/api/queries'
import { allows, useMe } from '@/api/session'
import type { Gateway } from '@/api/types'
import { FormDialog } from '@/ui/FormDialog'
import { useText } from '@/ui/useText'
import { asHosts, complete, HostRows, type Row } from './HostRows'

export function CreateGateway() {
  const t = useText()
  const cache = useQueryClient()
  const me = useMe().data
  const [namespace, setNamespace] = useState('')
  const [name, setName] = useState('')
  const [rows, setRows] = useState<Row[]>([])
  const namespaces = (useQuery(queries.namespaces()).data ?? [])
    .map((each) => each.name)
    .filter((each) => allows(me, 'traffic.write', each))
  return (
    <FormDialog
      label={t('gateways.create')}
      title={t('gateways.create')}
      ready={Boolean(namespace && name) && complete(rows)}
      fields={['namespace', 'name', ...rows.map((_, index) => `hosts.${index}`)]}
      onOpen={() => setRows([])}
      apply={(reason) =>
        body(client.POST('/api/v1/gateways/', { body: { namespace, name, hosts: asHosts(rows), reason } }))
      }
      onDone={() => {
        setName('')
        cache.invalidateQueries({ queryKey: ['gateways'] })
      }}
    >
      {(errors) => (
        <>
          <Select
            label={t('filter.namespace')}
            value={namespace || null}
            error={errors.namespace}
            data={namespaces}
            searchable
            onChange={(next) => setNamespace(next ?? '')}
          />
          <TextInput
            label={t('tokens.name')}
            description={t('catalog.name.hint')}
            value={name}
            error={errors.name}
            maxLength={63}
            autoComplete="off"
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <HostRows rows={rows} errors={errors} onChange={setRows} />
        </>
      )}
    </FormDialog>
  )
}

export function DeleteGateway({ gateway }: { gateway: Gateway }) {
  const t = useText()
  const cache = useQueryClient()
  const { id, hosts } = gateway
  const proxies = (useQuery(queries.proxies()).data ?? []).filter(({ service }) => service === id).length
  const remove = async (reason: string) => {
    const path = servicePath(id)
    const { etag } = await tagged(client.GET('/api/v1/gateways/{ns}/{name}/', { params: { path } }))
    return body(
      client.DELETE('/api/v1/gateways/{ns}/{name}/', {
        params: { path, query: { reason }, header: { 'If-Match': etag } },
      }),
    )
  }
  return (
    <FormDialog
      label={t('catalog.delete')}
      compact
      danger
      title={t('gateways.delete', { id })}
      submit={t('gateways.delete', { id })}
      apply={remove}
      onDone={() => cache.invalidateQueries({ queryKey: ['gateways'] })}
    >
      {() => <p>{t('gateways.delete.touches', { hosts: hosts.length, proxies, n: proxies })}</p>}
    </FormDialog>
  )
}
