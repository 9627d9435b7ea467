/** Inputs of the rules that are bound by the shape of what they hold: numbers and durations. */
import { NumberInput, TextInput } from '@mantine/core'
import { useState } from 'react'
import { FIELD_ORDER, faultUnder, useFaults } from '@/ui/fields'
import { useText } from '@/ui/useText'
import { readDuration, writeDuration } from './draft/duration'
import { fieldOf, type Shape } from './draft/shape'

/** A place in the rules: where it is, what it may hold, what it holds, and how to change that. */
export type Slot<T> = { path: string; shape: Shape; value: T; onChange: (value: T) => void }

/** The slots of a record's fields, by name. */
export function fieldsOf<T extends object>({ path, shape, value, onChange }: Slot<T>) {
  return <K extends keyof T & string>(name: K): Slot<T[K]> => ({
    path: `${path}.${name}`,
    shape: fieldOf(shape, name),
    value: value[name],
    onChange: (next) => onChange({ ...value, [name]: next }),
  })
}

/** The slot of a value that may be null, where it is not. */
export function given<T>(slot: Slot<T | null>, value: T): Slot<T> {
  return { ...slot, value }
}

type FieldProps<T> = Slot<T> & { label: string; width?: number; hint?: string; disabled?: boolean }

type NumberProps = FieldProps<number> & { suffix?: string }

export function NumberField({
  path,
  shape,
  value,
  onChange,
  label,
  width = 104,
  hint,
  suffix,
  disabled,
}: NumberProps) {
  const error = faultUnder(useFaults(), path)
  const range = shape.kind === 'number' ? shape : null
  return (
    <NumberInput
      size="xs"
      w={width}
      label={label}
      description={hint}
      inputWrapperOrder={FIELD_ORDER}
      value={value}
      error={error}
      min={range?.min}
      max={range?.max}
      clampBehavior="none"
      allowDecimal={!range?.whole}
      allowNegative={false}
      suffix={suffix}
      disabled={disabled}
      onChange={(next) => onChange(Number(next))}
    />
  )
}

/** A duration in any unit. What is being typed stays as it is typed; the value follows once it can be read. */
export function DurationField({
  path,
  value,
  onChange,
  label,
  width = 104,
  hint,
  disabled,
}: FieldProps<number>) {
  const t = useText()
  const fault = faultUnder(useFaults(), path)
  const [typed, setTyped] = useState<string | null>(null)
  const unreadable = typed !== null && readDuration(typed) === null
  return (
    <TextInput
      size="xs"
      w={width}
      label={label}
      description={hint}
      inputWrapperOrder={FIELD_ORDER}
      value={typed ?? writeDuration(value)}
      error={unreadable ? t('flaw.duration') : fault}
      placeholder="2 s"
      disabled={disabled}
      autoComplete="off"
      onChange={(event) => {
        const text = event.currentTarget.value
        setTyped(text)
        const ms = readDuration(text)
        if (ms !== null) onChange(ms)
      }}
      onBlur={() => !unreadable && setTyped(null)}
    />
  )
}
