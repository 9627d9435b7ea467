/** What a trace must have in it, and when. All of it is asked of one span. */
import '@/ui/fields.css'
import { Autocomplete, Checkbox, NumberInput, Select, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { queries } from '@/api/queries'
import { Chip } from '@/ui/Chip'
import { SearchTimes } from '@/ui/SearchTimes'
import { useText } from '@/ui/useText'
import { isTraceId, type Search } from './search'

type FieldProps = { search: Search; set: (patch: Partial<Search>) => void }

export function TraceFilters({ search, set }: FieldProps) {
  const t = useText()
  return (
    <div className="filters">
      <ServiceField search={search} set={set} />
      <RouteField search={search} set={set} />
      <MsField label={t('traces.min')} value={search.min} onChange={(min) => set({ min })} />
      <MsField label={t('traces.max')} value={search.max} onChange={(max) => set({ max })} />
      <WordField label={t('traces.code')} width={80} value={search.code} onChange={(code) => set({ code })} />
      <WordField
        label={t('traces.flag')}
        width={80}
        value={search.flag}
        onChange={(flag) => set({ flag: flag.toUpperCase().replace(/[^A-Z]/g, '') })}
      />
      <WordField
        label={t('traces.tag')}
        placeholder={t('traces.tag.example')}
        width={216}
        value={search.tag}
        onChange={(tag) => set({ tag })}
      />
      <Checkbox
        size="xs"
        label={t('traces.errorsOnly')}
        checked={search.error === 'true'}
        onChange={(event) => set({ error: event.currentTarget.checked ? 'true' : '' })}
      />
    </div>
  )
}

/** When, and again; or one trace by its id. */
export function TraceTimes({ search, set, onRefresh }: FieldProps & { onRefresh: () => void }) {
  return (
    <>
      <TraceIdField />
      <SearchTimes times={search} set={set} onRefresh={onRefresh} />
    </>
  )
}

/** An edge came with a link; letting go of it gives the choice of a service back. */
function ServiceField({ search, set }: FieldProps) {
  const t = useText()
  const services = (useQuery(queries.services()).data ?? []).map(({ id }) => id)
  const gateways = (useQuery(queries.gateways()).data ?? []).map(({ id }) => id)
  if (search.edge) {
    return (
      <Chip
        label={search.edge.replace('->', ' → ')}
        removeLabel={t('traces.edge.remove')}
        onRemove={() => set({ edge: '' })}
      />
    )
  }
  return (
    <Select
      size="xs"
      w={184}
      aria-label={t('table.service')}
      placeholder={t('table.service')}
      value={search.service || null}
      data={[...new Set([...services, ...gateways, ...(search.service ? [search.service] : [])])].sort()}
      searchable
      clearable
      onChange={(service) => set({ service: service ?? '' })}
    />
  )
}

/** The names of the routes of a service are offered; gateways have none of their own. */
function RouteField({ search, set }: FieldProps) {
  const t = useText()
  const service = search.edge.split('->')[1] ?? search.service
  const known = useQuery(queries.services()).data?.some(({ id }) => id === service) ?? false
  const routes = useQuery({ ...queries.routes(service), enabled: known })
  const names = routes.data?.value.routes.map(({ name }) => name) ?? []
  return (
    <Autocomplete
      size="xs"
      w={120}
      aria-label={t('traces.route')}
      placeholder={t('traces.route')}
      value={search.route}
      data={[...new Set(names)]}
      onChange={(route) => set({ route })}
    />
  )
}

function MsField({
  label,
  value,
  onChange,
}: {
  label: string
  value: string
  onChange: (v: string) => void
}) {
  return (
    <NumberInput
      size="xs"
      w={104}
      aria-label={label}
      placeholder={label}
      suffix=" ms"
      min={0}
      hideControls
      value={value === '' ? '' : Number(value)}
      onChange={(next) => onChange(String(next))}
    />
  )
}

type WordProps = {
  label: string
  value: string
  width: number
  placeholder?: string
  onChange: (value: string) => void
}

function WordField({ label, value, width, placeholder, onChange }: WordProps) {
  return (
    <TextInput
      size="xs"
      w={width}
      aria-label={label}
      placeholder={placeholder ?? label}
      value={value}
      spellCheck={false}
      autoComplete="off"
      onChange={(event) => onChange(event.currentTarget.value.trim())}
    />
  )
}

/** A pasted id opens its trace. */
function TraceIdField() {
  const t = useText()
  const navigate = useNavigate()
  const [text, setText] = useState('')
  return (
    <TextInput
      size="xs"
      w={144}
      aria-label={t('traces.id')}
      placeholder={t('traces.id')}
      value={text}
      classNames={{ input: 'mono' }}
      spellCheck={false}
      autoComplete="off"
      onChange={(event) => {
        const id = event.currentTarget.value.trim().toLowerCase()
        setText(id)
        if (isTraceId(id)) navigate({ to: '/traces/$id', params: { id } })
      }}
    />
  )
}
