/** What a line must be. Sides, a trace or a request that a link named can be let go. */
import '@/ui/fields.css'
import { Checkbox, Select, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { Chip } from '@/ui/Chip'
import { flagWords, KNOWN_FLAGS } from '@/ui/decisionWords'
import { useText } from '@/ui/useText'
import { isCode, isTraceId, type Search } from './search'
import { useServiceNames } from './useServiceNames'

export const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

type FiltersProps = { search: Search; set: (patch: Partial<Search>) => void }

export function LogFilters({ search, set }: FiltersProps) {
  const t = useText()
  return (
    <div className="filters">
      <Named search={search} set={set} />
      {!search.source && !search.destination && <ServiceField search={search} set={set} />}
      <Select
        size="xs"
        w={104}
        aria-label={t('logs.method')}
        placeholder={t('logs.method')}
        value={search.method || null}
        data={METHODS}
        clearable
        onChange={(method) => set({ method: method ?? '' })}
      />
      <Word search={search} set={set} name="path" label={t('logs.path')} hint={t('logs.path')} width={176} />
      <Word
        search={search}
        set={set}
        name="code"
        label={t('logs.code')}
        hint={t('logs.code')}
        width={88}
        error={search.code !== '' && !isCode(search.code) ? t('logs.code.hint') : undefined}
      />
      <Select
        size="xs"
        w={200}
        aria-label={t('logs.flag')}
        placeholder={t('logs.flag')}
        value={search.flag || null}
        data={KNOWN_FLAGS.map((flag) => ({ value: flag, label: flagWords(flag, t) }))}
        searchable
        clearable
        comboboxProps={{ width: 360, position: 'bottom-start' }}
        onChange={(flag) => set({ flag: flag ?? '' })}
      />
      <Word search={search} set={set} name="rule" label={t('logs.rule')} hint={t('logs.rule')} width={144} />
      <Select
        size="xs"
        w={152}
        aria-label={t('logs.reporter')}
        value={search.reporter}
        data={[
          { value: '', label: t('logs.reporter.any') },
          { value: 'source', label: t('logs.reporter.source') },
          { value: 'destination', label: t('logs.reporter.destination') },
        ]}
        allowDeselect={false}
        onChange={(reporter) => set({ reporter: reporter ?? '' })}
      />
      <Checkbox
        size="xs"
        label={t('logs.errorsOnly')}
        checked={search.error === 'true'}
        onChange={(event) => set({ error: event.currentTarget.checked ? 'true' : '' })}
      />
    </div>
  )
}

const NAMED = ['source', 'destination', 'trace_id', 'request_id'] as const
const LABELS = {
  source: 'logs.source',
  destination: 'logs.destination',
  trace_id: 'logs.traceId',
  request_id: 'logs.requestId',
} as const

/** What came with a link stands apart: it is one thing, not a search. */
function Named({ search, set }: FiltersProps) {
  const t = useText()
  return NAMED.filter((name) => search[name]).map((name) => (
    <Chip
      key={name}
      label={`${t(LABELS[name])} ${search[name]}`}
      removeLabel={`${t('logs.remove')}: ${t(LABELS[name])}`}
      onRemove={() => set({ [name]: '' })}
    />
  ))
}

function ServiceField({ search, set }: FiltersProps) {
  const t = useText()
  const names = useServiceNames()
  return (
    <Select
      size="xs"
      w={184}
      aria-label={t('logs.service')}
      placeholder={t('logs.service')}
      value={search.service || null}
      data={[...new Set([...names, ...(search.service ? [search.service] : [])])]}
      searchable
      clearable
      onChange={(service) => set({ service: service ?? '' })}
    />
  )
}

type WordProps = FiltersProps & {
  name: 'path' | 'code' | 'rule'
  label: string
  hint: string
  width: number
  error?: string
}

function Word({ search, set, name, label, hint, width, error }: WordProps) {
  return (
    <TextInput
      size="xs"
      w={width}
      aria-label={label}
      placeholder={hint}
      title={error}
      error={Boolean(error)}
      value={search[name]}
      spellCheck={false}
      autoComplete="off"
      onChange={(event) => set({ [name]: event.currentTarget.value.trim() })}
    />
  )
}

/** A pasted id: of a trace where it looks like one, else of a request. */
export function IdField({ set }: Pick<FiltersProps, 'set'>) {
  const t = useText()
  const [text, setText] = useState('')
  const find = (event: FormEvent) => {
    event.preventDefault()
    const id = text.trim()
    if (id) set(isTraceId(id.toLowerCase()) ? { trace_id: id.toLowerCase() } : { request_id: id })
    setText('')
  }
  return (
    <form onSubmit={find}>
      <TextInput
        size="xs"
        w={176}
        aria-label={t('logs.anyId')}
        placeholder={t('logs.anyId')}
        value={text}
        classNames={{ input: 'mono' }}
        spellCheck={false}
        autoComplete="off"
        onChange={(event) => setText(event.currentTarget.value)}
      />
    </form>
  )
}
