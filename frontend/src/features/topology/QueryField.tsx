/** A field for a query of the find and hide language: completion as you type, and faults at their place. */
import { CloseButton, Combobox, TextInput, useCombobox } from '@mantine/core'
import { useDebouncedCallback } from '@mantine/hooks'
import {
  type KeyboardEvent,
  type RefObject,
  useEffect,
  useId,
  useLayoutEffect,
  useRef,
  useState,
} from 'react'
import { type Completion, complete, type Option, type Vocabulary } from '@/graph/query/complete'
import { FIELDS } from '@/graph/query/fields'
import type { QueryError } from '@/graph/query/lexer'
import type { TextKey } from '@/text'
import { useText } from '@/ui/useText'
import { parsed } from './options'

/** A query takes effect when the typing pauses, so that the address does not change with every letter. */
const PAUSE_MS = 250

type QueryFieldProps = {
  label: string
  placeholder: string
  value: string
  /** What the query did, in a word or two. */
  outcome: string
  vocabulary: () => Vocabulary
  onChange: (query: string) => void
  /** Enter without a chosen option. */
  onEnter?: () => void
  inputRef?: RefObject<HTMLInputElement | null>
}

export function QueryField(props: QueryFieldProps) {
  const { label, placeholder, value, outcome, vocabulary, onChange, onEnter } = props
  const t = useText()
  const faultId = useId()
  const own = useRef<HTMLInputElement>(null)
  const input = props.inputRef ?? own
  const [text, setText] = useState(value)
  const [completion, setCompletion] = useState<Completion | null>(null)
  const combobox = useCombobox({ onDropdownClose: () => combobox.resetSelectedOption() })
  const sent = useRef(value)
  const caret = useRef<number>(null)
  const send = (next: string) => {
    sent.current = next
    onChange(next)
  }
  const sendSoon = useDebouncedCallback(send, PAUSE_MS)

  useEffect(() => {
    if (value === sent.current) return
    sent.current = value
    setText(value)
  }, [value])

  // In the same commit as the new text: whoever types on does so behind it.
  // biome-ignore lint/correctness/useExhaustiveDependencies: only a new text moves the caret
  useLayoutEffect(() => {
    if (caret.current !== null) input.current?.setSelectionRange(caret.current, caret.current)
    caret.current = null
  }, [text])

  const offer = (next: string, cursor: number) => {
    setCompletion(complete(next, cursor, vocabulary()))
    combobox.openDropdown()
    combobox.resetSelectedOption()
  }
  const write = (next: string, cursor: number) => {
    setText(next)
    offer(next, cursor)
    if (!parsed(next).error) sendSoon(next.trim())
  }
  const choose = (option: Option) => {
    if (!completion) return
    const before = `${text.slice(0, completion.from)}${option.text} `
    caret.current = before.length
    write(before + text.slice(completion.to).trimStart(), before.length)
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || combobox.getSelectedOptionIndex() >= 0) return
    combobox.closeDropdown()
    sendSoon.cancel()
    const isSound = !parsed(text).error
    if (isSound && text.trim() !== sent.current) send(text.trim())
    else if (isSound) onEnter?.()
  }

  const { error } = parsed(text)
  // What is merely not finished is no fault while somebody is writing it.
  const isTold = error && !(combobox.dropdownOpened && error.from >= text.trimEnd().length)
  const options = completion?.options ?? []
  return (
    <div className="query-field">
      <Combobox
        store={combobox}
        withinPortal
        position="bottom-start"
        width={320}
        onOptionSubmit={(index) => choose(options[Number(index)] as Option)}
      >
        <Combobox.EventsTarget>
          <TextInput
            ref={input}
            size="xs"
            aria-label={label}
            placeholder={placeholder}
            value={text}
            spellCheck={false}
            autoComplete="off"
            autoCapitalize="off"
            aria-invalid={isTold ? true : undefined}
            aria-describedby={isTold ? faultId : undefined}
            error={Boolean(isTold)}
            leftSection={<span className="query-name">{label}</span>}
            leftSectionWidth={68}
            rightSectionWidth={text ? 116 : 0}
            rightSection={
              text && (
                <span className="query-outcome">
                  {!error && outcome}
                  <CloseButton
                    size="xs"
                    aria-label={t('topology.query.clear', { field: label })}
                    onClick={() => {
                      sendSoon.cancel()
                      setText('')
                      send('')
                    }}
                  />
                </span>
              )
            }
            onChange={(event) =>
              write(
                event.currentTarget.value,
                event.currentTarget.selectionStart ?? event.currentTarget.value.length,
              )
            }
            onFocus={() => offer(text, input.current?.selectionStart ?? text.length)}
            onClick={() => offer(text, input.current?.selectionStart ?? text.length)}
            onBlur={() => combobox.closeDropdown()}
            onKeyDown={onKeyDown}
          />
        </Combobox.EventsTarget>
        <Combobox.Dropdown hidden={options.length === 0}>
          <Combobox.Options mah={280} className="query-options" aria-label={label}>
            {options.map((option, index) => (
              <Combobox.Option key={`${option.kind} ${option.text}`} value={String(index)}>
                <code>{option.text}</code>
                <span className="muted">{meaning(option, t)}</span>
              </Combobox.Option>
            ))}
          </Combobox.Options>
        </Combobox.Dropdown>
      </Combobox>
      {isTold && <Fault id={faultId} text={text} error={error} />}
    </div>
  )
}

function meaning({ text, kind }: Option, t: (key: TextKey) => string): string {
  if ((kind === 'field' || kind === 'flag') && text in FIELDS) return t(`topology.field.${text}` as TextKey)
  return ''
}

/** The text with its faulty part marked, and what is wrong with it. */
function Fault({ id, text, error }: { id: string; text: string; error: QueryError }) {
  const t = useText()
  const { from, to, code, detail } = error
  return (
    <p id={id} className="query-fault" aria-live="polite">
      <code>
        {text.slice(0, from)}
        <mark>{text.slice(from, to) || '␣'}</mark>
        {text.slice(to)}
      </code>
      <span>{t(`topology.fault.${code}`, { field: detail, choices: detail })}</span>
    </p>
  )
}
