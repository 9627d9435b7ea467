/** What to tap: two sides first, the rest below. It says in a sentence what will happen before it does. */
import '@/ui/fields.css'
import { Button, NumberInput, Select, TagsInput, TextInput, Tooltip } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { toFormErrors } from '@/api/problem'
import { allows, useMe } from '@/api/session'
import { startTap, tapQueries } from '@/api/taps'
import { flagWords, KNOWN_FLAGS } from '@/ui/decisionWords'
import { useText } from '@/ui/useText'
import { METHODS } from './LogFilters'
import { isFiltered, MINUTES, type TapDraft, whatWords } from './tapForm'
import { useServiceNames } from './useServiceNames'

const FIELDS = [
  'source',
  'destination',
  'method',
  'path',
  'code',
  'flag',
  'header',
  'value',
  'rate',
  'percent',
  'seconds',
  'redact',
] as const

export function TapForm({ begin }: { begin: TapDraft }) {
  const t = useText()
  const navigate = useNavigate()
  const cache = useQueryClient()
  const [draft, setDraft] = useState(begin)
  const me = useMe().data
  const start = useMutation({
    mutationFn: () => startTap(draft),
    onSuccess: (tap) => {
      cache.invalidateQueries({ queryKey: tapQueries.list().queryKey })
      navigate({ to: '/logs/taps/$id', params: { id: tap.id } })
    },
  })
  const { fields, form } = toFormErrors(start.error, FIELDS)
  const chosen = Boolean(draft.source || draft.destination)
  const may = allows(me, 'traffic.write', namespaceOf(draft.destination))
  const blocked = me && chosen && !may ? t('taps.blocked') : undefined
  const props = { draft, errors: fields, set: (patch: Partial<TapDraft>) => setDraft({ ...draft, ...patch }) }
  const send = (event: FormEvent) => {
    event.preventDefault()
    if (chosen && !blocked) start.mutate()
  }
  return (
    <form className="tap-form" onSubmit={send}>
      <Sides {...props} />
      <details open={isFiltered(draft)}>
        <summary className="muted">{t('taps.more')}</summary>
        <Filters {...props} />
        <Extent {...props} />
      </details>
      {form && (
        <p className="text-failing" role="alert">
          {form}
        </p>
      )}
      <div className="row">
        <Tooltip label={blocked ?? t('taps.needs')} disabled={chosen && !blocked}>
          <Button
            type="submit"
            size="xs"
            loading={start.isPending}
            aria-disabled={!chosen || Boolean(blocked)}
            data-disabled={!chosen || Boolean(blocked) || undefined}
          >
            {t('taps.start')}
          </Button>
        </Tooltip>
        <span className="muted">{chosen ? saidOf(draft, t) : t('taps.needs')}</span>
      </div>
    </form>
  )
}

function namespaceOf(service: string): string | undefined {
  return service.includes('/') ? service.split('/')[0] : undefined
}

function saidOf(draft: TapDraft, t: ReturnType<typeof useText>): string {
  const time = t('taps.minutes', { n: Math.round(draft.seconds / 60) })
  return t('taps.start.said', { what: whatWords(draft, t), rate: draft.rate, time })
}

type PartProps = {
  draft: TapDraft
  errors: Record<string, string>
  set: (patch: Partial<TapDraft>) => void
}

function Sides({ draft, errors, set }: PartProps) {
  const t = useText()
  const names = useServiceNames()
  const side = (name: 'source' | 'destination') => (
    <Select
      size="xs"
      w={232}
      label={t(`taps.${name}`)}
      value={draft[name] || null}
      error={errors[name]}
      data={[
        ...new Set([...names, draft[name]].filter((each) => each && each !== 'unknown')),
        { value: 'unknown', label: t('logs.outside') },
      ]}
      searchable
      clearable
      onChange={(next) => set({ [name]: next ?? '' })}
    />
  )
  return (
    <div className="form-row">
      {side('source')}
      {side('destination')}
      <Select
        size="xs"
        w={104}
        label={t('taps.seconds')}
        value={String(draft.seconds)}
        error={errors.seconds}
        data={MINUTES.map((n) => ({ value: String(n * 60), label: t('taps.minutes', { n }) }))}
        allowDeselect={false}
        onChange={(next) => set({ seconds: Number(next) })}
      />
    </div>
  )
}

function Filters({ draft, errors, set }: PartProps) {
  const t = useText()
  const word = (name: 'path' | 'code' | 'header' | 'value', width: number, placeholder: string) => (
    <TextInput
      size="xs"
      w={width}
      label={t(`taps.${name}`)}
      placeholder={placeholder}
      value={draft[name]}
      error={errors[name]}
      spellCheck={false}
      autoComplete="off"
      classNames={{ input: 'mono' }}
      onChange={(event) => set({ [name]: event.currentTarget.value.trim() })}
    />
  )
  return (
    <div className="form-row">
      <Select
        size="xs"
        w={104}
        label={t('taps.method')}
        value={draft.method || null}
        error={errors.method}
        data={METHODS}
        clearable
        onChange={(method) => set({ method: method ?? '' })}
      />
      {word('path', 176, '/cart/*')}
      {word('code', 96, '5xx')}
      <Select
        size="xs"
        w={200}
        label={t('taps.flag')}
        value={draft.flag || null}
        error={errors.flag}
        data={KNOWN_FLAGS.map((flag) => ({ value: flag, label: flagWords(flag, t) }))}
        searchable
        clearable
        comboboxProps={{ width: 360, position: 'bottom-start' }}
        onChange={(flag) => set({ flag: flag ?? '' })}
      />
      {word('header', 144, 'x-tenant')}
      {word('value', 144, t('taps.value.any'))}
    </div>
  )
}

function Extent({ draft, errors, set }: PartProps) {
  const t = useText()
  return (
    <div className="form-row tap-extent">
      <NumberInput
        size="xs"
        w={216}
        label={t('taps.rate')}
        value={draft.rate}
        error={errors.rate}
        min={1}
        max={50}
        onChange={(rate) => set({ rate: Number(rate) })}
      />
      <NumberInput
        size="xs"
        w={168}
        label={t('taps.percent')}
        value={draft.percent}
        error={errors.percent}
        min={0}
        max={100}
        suffix=" %"
        onChange={(percent) => set({ percent: Number(percent) })}
      />
      <TagsInput
        size="xs"
        className="field-wide"
        label={t('taps.redact')}
        description={t('taps.redact.hint')}
        inputWrapperOrder={['label', 'input', 'description', 'error']}
        value={draft.redact}
        error={errors.redact}
        acceptValueOnBlur
        onChange={(redact) => set({ redact: redact.map((name) => name.toLowerCase()) })}
      />
    </div>
  )
}
