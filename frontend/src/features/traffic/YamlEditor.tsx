/** All rules of a service as YAML, both ways: what is typed becomes the draft as soon as it can be read. */
import { Button } from '@mantine/core'
import { useRef, useState } from 'react'
import { CopyAction } from '@/ui/CopyText'
import type { Fault } from '@/ui/fields'
import { Panel } from '@/ui/Panel'
import { useText } from '@/ui/useText'
import { PARTS, type Part, type Rules } from './draft/rules'
import { fromYaml, type LineFault, toYaml } from './draft/yaml'
import type { Drafting } from './useRules'

type YamlEditorProps = { drafting: Drafting; faults: readonly Fault[]; mayWrite: boolean }

export default function YamlEditor({ drafting, faults, mayWrite }: YamlEditorProps) {
  const t = useText()
  const written = toYaml(drafting.rules)
  // What is being typed stays as it is typed, until the rules are changed from elsewhere.
  const [typed, setTyped] = useState<{ text: string; means: string } | null>(null)
  const text = typed && (typed.means === UNREADABLE || typed.means === written) ? typed.text : written
  const texts = { notRules: t('yaml.notRules'), unknownPart: (name: string) => t('flaw.unknown', { name }) }
  const parsed = fromYaml(text, texts)
  const shown: LineFault[] = parsed.rules
    ? faults.map(({ path, message }) => ({ line: parsed.lineOf(path), message: `${path}: ${message}` }))
    : parsed.faults

  const change = (next: string) => {
    const { rules } = fromYaml(next, texts)
    if (!rules) return setTyped({ text: next, means: UNREADABLE })
    const all = { ...drafting.rules, ...withDefaults(rules) }
    drafting.setAll(all)
    setTyped({ text: next, means: toYaml(all) })
  }
  return (
    <Panel
      title={t('yaml.title')}
      aside={
        <>
          {text !== written && (
            <Button size="xs" variant="default" onClick={() => setTyped(null)}>
              {t('yaml.tidy')}
            </Button>
          )}
          <CopyAction value={text} />
        </>
      }
      flush
    >
      <CodeArea text={text} faults={shown} readOnly={!mayWrite} label={t('yaml.title')} onChange={change} />
      {shown.length > 0 && (
        <ul
          className="fault-list yaml-faults"
          aria-label={t('draft.errors', { count: shown.length, n: shown.length })}
        >
          {shown.map(({ line, message }) => (
            <li key={`${line}:${message}`}>
              <span className="text-failing">{t('yaml.line', { line })}</span> {message}
            </li>
          ))}
        </ul>
      )}
    </Panel>
  )
}

const SILENT = { notRules: '', unknownPart: () => '' }
const UNREADABLE = ''

/** A part that is left out of the text has its defaults; the split and the routes cannot be left out. */
function withDefaults(rules: Partial<Rules>): Partial<Rules> {
  const plain = fromYaml('resilience: {}\nlimits: []', SILENT).rules ?? {}
  const given = PARTS.filter((part) => rules[part] !== undefined)
  return { ...plain, ...Object.fromEntries(given.map((part: Part) => [part, rules[part]])) }
}

type CodeAreaProps = {
  text: string
  faults: readonly LineFault[]
  readOnly: boolean
  label: string
  onChange: (text: string) => void
}

/** A text with numbered lines; lines with a fault are marked. */
function CodeArea({ text, faults, readOnly, label, onChange }: CodeAreaProps) {
  const t = useText()
  const gutter = useRef<HTMLOListElement>(null)
  const faulty = new Map(faults.map(({ line, message }) => [line, message]))
  const lines = text.split('\n')
  return (
    <div className="code-area">
      <ol className="code-gutter" ref={gutter} aria-hidden="true">
        {lines.map((_, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a line has no identity but its place
          <li key={index} data-faulty={faulty.has(index + 1) || undefined} title={faulty.get(index + 1)}>
            {index + 1}
          </li>
        ))}
      </ol>
      <textarea
        className="code-text"
        aria-label={label}
        aria-invalid={faults.length > 0}
        aria-description={t('yaml.tab')}
        value={text}
        readOnly={readOnly}
        rows={Math.min(40, Math.max(16, lines.length + 1))}
        wrap="off"
        spellCheck={false}
        onChange={(event) => onChange(event.currentTarget.value)}
        onScroll={({ currentTarget }) => gutter.current?.scrollTo({ top: currentTarget.scrollTop })}
      />
    </div>
  )
}
