/** Inputs of the rules: each knows its path, so that what is wrong with its value stands beside it. */
import { ActionIcon, Checkbox, NumberInput, Select, TagsInput, TextInput } from '@mantine/core'
import { IconX } from '@tabler/icons-react'
import { createContext, type ReactNode, useContext, useState } from 'react'
import { useText } from '@/ui/useText'
import { readDuration, writeDuration } from './draft/duration'
import { fieldOf, type Shape } from './draft/shape'
import { type Fault, faultUnder } from './useValidation'

const FaultsContext = createContext<readonly Fault[]>([])
export const FaultsProvider = FaultsContext.Provider

export function useFaults(): readonly Fault[] {
  return useContext(FaultsContext)
}

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

/** What helps stands below the input, so that inputs in a row stay in line. */
const ORDER: ('label' | 'input' | 'description' | 'error')[] = ['label', 'input', 'description', 'error']

type FieldProps<T> = Slot<T> & { label: string; width?: number; hint?: string; disabled?: boolean }

type TextProps = FieldProps<string> & { placeholder?: string; mono?: boolean; labelHidden?: boolean }

export function TextField({
  path,
  value,
  onChange,
  label,
  labelHidden,
  width,
  hint,
  placeholder,
  mono,
  disabled,
}: TextProps) {
  const error = faultUnder(useFaults(), path)
  return (
    <TextInput
      size="xs"
      className={width ? undefined : 'field-wide'}
      w={width}
      label={labelHidden ? undefined : label}
      aria-label={labelHidden ? label : undefined}
      description={hint}
      inputWrapperOrder={ORDER}
      value={value}
      error={error}
      placeholder={placeholder}
      disabled={disabled}
      classNames={mono ? { input: 'mono' } : undefined}
      autoComplete="off"
      spellCheck={false}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  )
}

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
      inputWrapperOrder={ORDER}
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
      inputWrapperOrder={ORDER}
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

export type Option = { value: string; label: string }
type ChoiceProps<T extends string> = FieldProps<T> & { options: readonly (string | Option)[] }

export function ChoiceField<T extends string>({
  path,
  value,
  onChange,
  label,
  width = 136,
  hint,
  options,
  disabled,
}: ChoiceProps<T>) {
  const error = faultUnder(useFaults(), path)
  return (
    <Select
      size="xs"
      w={width}
      label={label}
      description={hint}
      inputWrapperOrder={ORDER}
      value={value}
      error={error}
      data={[...options]}
      allowDeselect={false}
      disabled={disabled}
      onChange={(next) => next !== null && onChange(next as T)}
    />
  )
}

export function FlagField({ path, value, onChange, label, hint }: FieldProps<boolean>) {
  const error = faultUnder(useFaults(), path)
  return (
    <Checkbox
      size="xs"
      className="flag-field"
      label={label}
      description={hint}
      checked={value}
      error={error}
      onChange={(event) => onChange(event.currentTarget.checked)}
    />
  )
}

type TagsProps = FieldProps<string[]> & {
  suggestions?: readonly string[]
  placeholder?: string
  upper?: boolean
}

/** Any number of words, with completion. */
export function TagsField({
  path,
  value,
  onChange,
  label,
  width,
  hint,
  suggestions = [],
  placeholder,
  upper,
}: TagsProps) {
  const error = faultUnder(useFaults(), path)
  return (
    <TagsInput
      size="xs"
      className={width ? undefined : 'field-wide'}
      w={width}
      label={label}
      description={hint}
      inputWrapperOrder={ORDER}
      value={value}
      error={error}
      data={[...suggestions]}
      placeholder={value.length ? undefined : placeholder}
      acceptValueOnBlur
      onChange={(next) => onChange(cleaned(upper ? next.map((word) => word.toUpperCase()) : next))}
    />
  )
}

/** What was pasted with commas is several words. */
function cleaned(words: readonly string[]): string[] {
  const all = words.flatMap((word) => word.split(',')).map((word) => word.trim())
  return [...new Set(all)].filter(Boolean)
}

/** Fields in a row, that wraps. */
export function FieldRow({ children, onRemove, removeLabel }: RowProps) {
  return (
    <div className="field-row">
      <div className="field-row-fields">{children}</div>
      {onRemove && removeLabel && <RemoveButton label={removeLabel} onClick={onRemove} />}
    </div>
  )
}

type RowProps = { children: ReactNode; onRemove?: () => void; removeLabel?: string }

export function RemoveButton({ label, onClick }: { label: string; onClick: () => void }) {
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      size="sm"
      className="remove-button"
      aria-label={label}
      onClick={onClick}
    >
      <IconX size={14} />
    </ActionIcon>
  )
}
