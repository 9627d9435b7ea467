/** Who is told of alerts, whether they hear us, and what could not be delivered. For administrators of the mesh. */
import { Button, Select, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { ALERTS, createReceiver, deleteReceiver, incidentQueries, testReceiver } from '@/api/incidents'
import type { NewReceiver, Receiver } from '@/api/types'
import { type Column, DataTable } from '@/ui/DataTable'
import { FormDialog } from '@/ui/FormDialog'
import { ToneMark } from '@/ui/Mark'
import { Panel } from '@/ui/Panel'
import { EmptyState, ErrorState, Loaded } from '@/ui/States'
import { useText } from '@/ui/useText'
import { NoticesPanel } from './NoticesPanel'

const KINDS = ['webhook', 'slack', 'email'] as const
const SEVERITIES = ['page', 'ticket'] as const

export default function ReceiversTab() {
  const t = useText()
  const query = useQuery(incidentQueries.receivers())
  return (
    <>
      <Panel title={t('alerts.receivers.title')} aside={<AddReceiver />} flush>
        <Loaded query={query} source={t('source.receivers')}>
          {(receivers) =>
            receivers.length ? (
              <ReceiverTable receivers={receivers} />
            ) : (
              <EmptyState title={t('alerts.receivers.empty')} next={t('alerts.receivers.empty.next')} />
            )
          }
        </Loaded>
      </Panel>
      <NoticesPanel />
    </>
  )
}

function ReceiverTable({ receivers }: { receivers: Receiver[] }) {
  const t = useText()
  const columns: Column<Receiver>[] = [
    {
      key: 'target',
      header: t('alerts.receivers.target'),
      cell: ({ target }) => <span className="alert-target">{target}</span>,
      sort: ({ target }) => target,
    },
    {
      key: 'kind',
      header: t('alerts.receivers.kind'),
      cell: ({ kind }) => t(`alerts.receivers.kind.${kind}`),
    },
    {
      key: 'least',
      header: t('alerts.receivers.least'),
      cell: ({ severity }) => t(`alerts.receivers.least.${severity}`),
    },
    {
      key: 'by',
      header: t('alerts.silence.by'),
      cell: ({ created_by }) => created_by,
      wideOnly: true,
    },
    {
      key: 'actions',
      header: t('table.actions'),
      cell: (receiver) => (
        <span className="row row-end">
          <TestReceiver receiver={receiver} />
          <RemoveReceiver receiver={receiver} />
        </span>
      ),
      numeric: true,
      long: true,
    },
  ]
  return (
    <DataTable
      label={t('alerts.receivers.title')}
      columns={columns}
      rows={receivers}
      rowKey={({ id }) => id}
    />
  )
}

function TestReceiver({ receiver }: { receiver: Receiver }) {
  const t = useText()
  const test = useMutation({ mutationFn: () => testReceiver(receiver.id) })
  return (
    <>
      <span role="status" className="alert-tested">
        {test.isPending && t('alerts.receivers.testing')}
        {test.data === '' && <ToneMark tone="healthy" label={t('alerts.receivers.tested')} />}
        {test.data && <ToneMark tone="failing" label={t('alerts.receivers.failed', { error: test.data })} />}
      </span>
      {test.error && <ErrorState source={t('alerts.receivers.test')} error={test.error} />}
      <Button size="compact-xs" variant="default" disabled={test.isPending} onClick={() => test.mutate()}>
        {t('alerts.receivers.test')}
      </Button>
    </>
  )
}

function RemoveReceiver({ receiver }: { receiver: Receiver }) {
  const t = useText()
  const cache = useQueryClient()
  return (
    <FormDialog
      label={t('alerts.receivers.remove')}
      title={t('alerts.receivers.remove.title', { target: receiver.target })}
      submit={t('alerts.receivers.remove.title', { target: receiver.target })}
      danger
      compact
      reason={false}
      apply={() => deleteReceiver(receiver.id)}
      onDone={() => cache.invalidateQueries({ queryKey: [ALERTS, 'receivers'] })}
    >
      {() => <p>{t(`alerts.receivers.kind.${receiver.kind}`)}</p>}
    </FormDialog>
  )
}

const EMPTY: NewReceiver = { kind: 'webhook', target: '', severity: 'page' }

function AddReceiver() {
  const t = useText()
  const cache = useQueryClient()
  const [receiver, setReceiver] = useState(EMPTY)
  const isEmail = receiver.kind === 'email'
  return (
    <FormDialog
      label={t('alerts.receivers.add')}
      title={t('alerts.receivers.add')}
      primary
      reason={false}
      fields={['target', 'kind', 'severity']}
      ready={receiver.target.trim().length > 2}
      onOpen={() => setReceiver(EMPTY)}
      apply={() => createReceiver({ ...receiver, target: receiver.target.trim() })}
      onDone={() => cache.invalidateQueries({ queryKey: [ALERTS, 'receivers'] })}
    >
      {(errors) => (
        <>
          <Select
            label={t('alerts.receivers.kind')}
            value={receiver.kind}
            data={KINDS.map((kind) => ({ value: kind, label: t(`alerts.receivers.kind.${kind}`) }))}
            allowDeselect={false}
            onChange={(kind) => kind && setReceiver({ ...receiver, kind: kind as NewReceiver['kind'] })}
          />
          <TextInput
            label={isEmail ? t('alerts.receivers.address') : t('alerts.receivers.url')}
            description={isEmail ? undefined : t('alerts.receivers.secret')}
            placeholder={isEmail ? 'oncall@example.org' : 'https://hooks.example.org/…'}
            value={receiver.target}
            error={errors.target}
            maxLength={500}
            autoComplete="off"
            onChange={(event) => setReceiver({ ...receiver, target: event.currentTarget.value })}
          />
          <Select
            label={t('alerts.receivers.least')}
            value={receiver.severity}
            data={SEVERITIES.map((each) => ({ value: each, label: t(`alerts.receivers.least.${each}`) }))}
            allowDeselect={false}
            onChange={(least) =>
              least && setReceiver({ ...receiver, severity: least as NewReceiver['severity'] })
            }
          />
        </>
      )}
    </FormDialog>
  )
}
