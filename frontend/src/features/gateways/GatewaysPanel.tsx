/** The gateways and the hosts they answer for. */
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { body, client } from '@/api/client'
import { queries, servicePath } from '@/api/queries'
import { allows, allowsAnywhere, useMe } from '@/api/session'
import type { Gateway } from '@/api/types'
import { AckBar } from '@/ui/AckBar'
import { type Column, DataTable } from '@/ui/DataTable'
import { FormDialog } from '@/ui/FormDialog'
import { Panel } from '@/ui/Panel'
import { EmptyState, Loaded } from '@/ui/States'
import { useText } from '@/ui/useText'
import { CreateGateway, DeleteGateway } from './GatewayForms'
import { asHosts, asRows, complete, HostRows, type Row } from './HostRows'

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
        allows(me, 'traffic.write', gateway.namespace) && (
          <span className="row row-end">
            <EditHosts gateway={gateway} onDone={setApplied} />
            <DeleteGateway gateway={gateway} />
          </span>
        ),
      numeric: true,
    },
  ]
  return (
    <Panel title={t('gateways.title')} aside={allowsAnywhere(me, 'traffic.write') && <CreateGateway />} flush>
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

function EditHosts({ gateway, onDone }: { gateway: Gateway; onDone: (revision: number | null) => void }) {
  const t = useText()
  const cache = useQueryClient()
  const [rows, setRows] = useState<Row[]>([])
  const [etag, setEtag] = useState('')
  const load = async () => {
    const { value, etag: version } = await cache.fetchQuery({ ...queries.gateway(gateway.id), staleTime: 0 })
    setRows(asRows(value.hosts))
    setEtag(version)
  }
  return (
    <FormDialog
      label={t('gateways.edit')}
      compact
      title={t('gateways.edit.of', { id: gateway.id })}
      submit={t('gateways.apply', { n: rows.length, id: gateway.id })}
      ready={etag !== '' && complete(rows)}
      fields={rows.map((_, index) => `hosts.${index}`)}
      onOpen={() => void load()}
      apply={(reason) =>
        body(
          client.PUT('/api/v1/gateways/{ns}/{name}/', {
            params: { path: servicePath(gateway.id), header: { 'If-Match': etag } },
            body: { hosts: asHosts(rows), reason },
          }),
        )
      }
      onDone={({ revision }) => {
        onDone(revision)
        cache.invalidateQueries({ queryKey: ['gateways'] })
      }}
    >
      {(errors) => <HostRows rows={rows} errors={errors} onChange={setRows} />}
    </FormDialog>
  )
}
