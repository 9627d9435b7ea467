/** What an operator adds to the catalogue: namespaces, services and versions. */
import { NumberInput, Select, TextInput } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { body, client } from '@/api/client'
import { queries, servicePath } from '@/api/queries'
import { allows, useMe } from '@/api/session'
import { FormDialog } from '@/ui/FormDialog'
import { useText } from '@/ui/useText'

export function CreateNamespace() {
  const t = useText()
  const cache = useQueryClient()
  const [name, setName] = useState('')
  const [description, setDescription] = useState('')
  return (
    <FormDialog
      label={t('catalog.namespace.create')}
      title={t('catalog.namespace.create')}
      ready={name !== ''}
      fields={['name', 'description']}
      apply={(reason) => body(client.POST('/api/v1/namespaces/', { body: { name, description, reason } }))}
      onDone={() => {
        setName('')
        setDescription('')
        cache.invalidateQueries({ queryKey: ['namespaces'] })
      }}
    >
      {(errors) => (
        <>
          <NameInput value={name} error={errors.name} onChange={setName} />
          <DescriptionInput value={description} error={errors.description} onChange={setDescription} />
        </>
      )}
    </FormDialog>
  )
}

type Protocol = 'http' | 'tcp'
const EMPTY = {
  namespace: '',
  name: '',
  description: '',
  version: 'v1',
  protocol: 'http' as Protocol,
  port: '',
}

export function CreateService() {
  const t = useText()
  const cache = useQueryClient()
  const navigate = useNavigate()
  const me = useMe().data
  const [draft, setDraft] = useState(EMPTY)
  const set = (patch: Partial<typeof EMPTY>) => setDraft({ ...draft, ...patch })
  const namespaces = (useQuery(queries.namespaces()).data ?? [])
    .map(({ name }) => name)
    .filter((name) => allows(me, 'catalog.write', name))
  return (
    <FormDialog
      label={t('catalog.service.create')}
      title={t('catalog.service.create')}
      ready={Boolean(draft.namespace && draft.name && draft.version)}
      fields={['namespace', 'name', 'description', 'protocol', 'port', 'versions']}
      apply={(reason) => {
        const { version, ...service } = draft
        const port = draft.protocol === 'tcp' && draft.port !== '' ? Number(draft.port) : null
        return body(
          client.POST('/api/v1/services/', { body: { ...service, port, versions: [version], reason } }),
        )
      }}
      onDone={({ namespace, name }) => {
        setDraft(EMPTY)
        cache.invalidateQueries({ queryKey: ['services'] })
        navigate({
          to: '/services/$namespace/$name',
          params: { namespace, name },
          search: { tab: 'split' } as never,
        })
      }}
    >
      {(errors) => (
        <>
          <Select
            label={t('filter.namespace')}
            value={draft.namespace || null}
            error={errors.namespace}
            data={namespaces}
            searchable
            onChange={(namespace) => set({ namespace: namespace ?? '' })}
          />
          <NameInput value={draft.name} error={errors.name} onChange={(name) => set({ name })} />
          <DescriptionInput
            value={draft.description}
            error={errors.description}
            onChange={(description) => set({ description })}
          />
          <Select
            label={t('catalog.service.protocol')}
            value={draft.protocol}
            error={errors.protocol}
            data={[
              { value: 'http', label: 'HTTP' },
              { value: 'tcp', label: 'TCP' },
            ]}
            allowDeselect={false}
            onChange={(protocol) => set({ protocol: protocol as Protocol })}
          />
          {draft.protocol === 'tcp' && (
            <NumberInput
              label={t('catalog.service.port')}
              description={t('catalog.service.port.hint')}
              value={draft.port}
              error={errors.port}
              min={1}
              max={65535}
              allowDecimal={false}
              hideControls
              onChange={(port) => set({ port: String(port) })}
            />
          )}
          <TextInput
            label={t('catalog.service.version')}
            description={t('catalog.service.version.hint')}
            value={draft.version}
            error={errors.versions}
            onChange={(event) => set({ version: event.currentTarget.value })}
          />
        </>
      )}
    </FormDialog>
  )
}

export function AddVersion({ service }: { service: string }) {
  const t = useText()
  const cache = useQueryClient()
  const [name, setName] = useState('')
  return (
    <FormDialog
      label={t('catalog.version.add')}
      title={t('catalog.version.add.to', { service })}
      submit={t('catalog.version.add')}
      ready={name !== ''}
      fields={['name']}
      apply={(reason) =>
        body(
          client.POST('/api/v1/services/{ns}/{name}/versions/', {
            params: { path: servicePath(service) },
            body: { name, reason },
          }),
        )
      }
      onDone={() => {
        setName('')
        cache.invalidateQueries({ queryKey: ['service', service] })
      }}
    >
      {(errors) => (
        <>
          <p className="muted">{t('catalog.version.hint')}</p>
          <NameInput value={name} error={errors.name} onChange={setName} />
        </>
      )}
    </FormDialog>
  )
}

type InputProps = { value: string; error: string | undefined; onChange: (value: string) => void }

function NameInput({ value, error, onChange }: InputProps) {
  const t = useText()
  return (
    <TextInput
      label={t('tokens.name')}
      description={t('catalog.name.hint')}
      value={value}
      error={error}
      maxLength={63}
      data-autofocus
      autoComplete="off"
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  )
}

function DescriptionInput({ value, error, onChange }: InputProps) {
  const t = useText()
  return (
    <TextInput
      label={t('catalog.description')}
      value={value}
      error={error}
      maxLength={500}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  )
}
