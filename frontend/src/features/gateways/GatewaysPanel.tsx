/** The gateways and the hosts they answer for. */
import { ActionIcon, Button, Select, TextInput } from '@mantine/core'
import { IconTrash } from '@tabler/icons-react'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { body, client } from '@/api/client'
import { queries, servicePath } from '@/api/queries'
import { allows, useMe } from '@/api/session'
import type { Gateway } from '@/api/types'
import { AckBar } from '@/ui/AckBar'
import { type Column, DataTable } from '@/ui/DataTable'
import { FormDialog } from '@/ui/FormDialog'
import { Panel } from '@/ui/Panel'
import { EmptyState, Loaded } from '@/ui/States'
import { useText } from '@/ui/useText'

export function GatewaysPanel() {
  const t = useText()
  const query = useQuery(queries.gateways())
  const me = useMe().data
  const [applied, setApplied] = useState<number | null>(null)
  const columns: Column<Gateway>[] = [
    { key: 'gateway', header: t('gateways.gateway'), cell: ({ id }) => id },
    {
      key: 'hosts',
      header: t('gateways.hosts'),
      cell: ({ hosts }) => hosts.map(({ host, service }) => `${host} → ${service}`).join(' · '),
      long: true,
    },
    {
      key: 'actions',
      header: t('table.actions'),
      cell: (gateway) =>
        allows(me, 'traffic.write', gateway.namespace) && <EditHosts gateway={gateway} onDone={setApplied} />,
      numeric: true,
    },
  ]
  return (
    <Panel title={t('gateways.title')} flush>
      <Loaded query={query} source={t('source.gateways')}>
        {(gateways) =>
          gateways.length ? (
            <DataTable
              label={t('gateways.title')}
              columns={columns}
              rows={gateways}
              rowKey={({ id }) => id}
            />
          ) : (
            <EmptyState title={t('gateways.empty')} next={t('gateways.empty.next')} />
          )
        }
      </Loaded>
      {applied !== null && <AckBar revision={applied} />}
    </Panel>
  )
}

/** A row keeps an identity of its own while its host is being typed. */
type Row = { key: number; host: string; service: string }

function EditHosts({ gateway, onDone }: { gateway: Gateway; onDone: (revision: number | null) => void }) {
  const t = useText()
  const cache = useQueryClient()
  const services = (useQuery(queries.services()).data ?? []).map(({ id }) => id)
  const [rows, setRows] = useState<Row[]>([])
  const [etag, setEtag] = useState('')
  const load = async () => {
    const { value, etag: version } = await cache.fetchQuery({ ...queries.gateway(gateway.id), staleTime: 0 })
    setRows(value.hosts.map((host, key) => ({ key, ...host })))
    setEtag(version)
  }
  const change = (key: number, patch: Partial<Row>) =>
    setRows(rows.map((row) => (row.key === key ? { ...row, ...patch } : row)))
  const add = () =>
    setRows([...rows, { key: Math.max(0, ...rows.map(({ key }) => key)) + 1, host: '', service: '' }])
  return (
    <FormDialog
      label={t('gateways.edit')}
      compact
      title={t('gateways.edit.of', { id: gateway.id })}
      submit={t('gateways.apply', { n: rows.length, id: gateway.id })}
      ready={etag !== '' && rows.every(({ host, service }) => host && service)}
      fields={rows.map((_, index) => `hosts.${index}`)}
      onOpen={() => void load()}
      apply={(reason) =>
        body(
          client.PUT('/api/v1/gateways/{ns}/{name}/', {
            params: { path: servicePath(gateway.id), header: { 'If-Match': etag } },
            body: { hosts: rows.map(({ host, service }) => ({ host, service })), reason },
          }),
        )
      }
      onDone={({ revision }) => {
        onDone(revision)
        cache.invalidateQueries({ queryKey: ['gateways'] })
      }}
    >
      {(errors) => (
        <>
          <p className="muted">{t('gateways.hint')}</p>
          {rows.map((row, index) => (
            <div key={row.key} className="host-row">
              <TextInput
                aria-label={t('gateways.host')}
                placeholder="shop.example.com"
                value={row.host}
                error={errors[`hosts.${index}`]}
                onChange={(event) => change(row.key, { host: event.currentTarget.value })}
              />
              <Select
                aria-label={t('table.service')}
                placeholder={t('table.service')}
                value={row.service || null}
                data={services}
                searchable
                onChange={(service) => change(row.key, { service: service ?? '' })}
              />
              <ActionIcon
                variant="subtle"
                color="gray"
                aria-label={t('gateways.remove', { host: row.host })}
                onClick={() => setRows(rows.filter(({ key }) => key !== row.key))}
              >
                <IconTrash size={16} />
              </ActionIcon>
            </div>
          ))}
          <div>
            <Button size="xs" variant="default" onClick={add}>
              {t('gateways.add')}
            </Button>
          </div>
        </>
      )}
    </FormDialog>
  )
}
