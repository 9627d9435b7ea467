/** Inputs that know the path of what they hold, so that what is wrong with it stands beside it. */
import './fields.css'
import { ActionIcon, Checkbox, Select, TagsInput, TextInput } from '@mantine/core'
import { IconX } from '@tabler/icons-react'
import { createContext, type ReactNode, useContext } from 'react'

export type Fault = { path: string; message: string }

/** The first fault at a path or below it. */
export function faultUnder(faults: readonly Fault[], path: string): string | undefined {
  return faults.find((fault) => fault.path === path || fault.path.startsWith(`${path}.`))?.message
}

export function faultsUnder(faults: readonly Fault[], path: string): Fault[] {
  return faults.filter((fault) => fault.path === path || fault.path.startsWith(`${path}.`))
}

const FaultsContext = createContext<readonly Fault[]>([])
export const FaultsProvider = FaultsContext.Provider

export function useFaults(): readonly Fault[] {
  return useContext(FaultsContext)
}

/** What helps stands below the input, so that inputs in a row stay in line. */
export const FIELD_ORDER: ('label' | 'input' | 'description' | 'error')[] = [
  'label',
  'input',
  'description',
  'error',
]

type FieldProps<T> = {
  path: string
  value: T
  onChange: (value: T) => void
  label: string
  width?: number
  hint?: string
  disabled?: boolean
}

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
      inputWrapperOrder={FIELD_ORDER}
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
      inputWrapperOrder={FIELD_ORDER}
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
      inputWrapperOrder={FIELD_ORDER}
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
