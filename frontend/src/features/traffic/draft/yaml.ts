/** The rules as YAML, both ways, with every fault at its line. Loads the YAML library, so import it lazily. */
import { type Document, LineCounter, parseDocument, stringify } from 'yaml'
import { compactRules, PARTS, type Part, type Rules, SHAPES } from './rules'
import { complete } from './shape'

export type LineFault = { line: number; message: string }
export type Parsed = {
  /** Null where the text is no YAML, or not a mapping of the known parts. */
  rules: Partial<Rules> | null
  faults: LineFault[]
  /** The line on which a path of the rules, or what is left of it, stands. */
  lineOf: (path: string) => number
}

/** Texts that only the reader of YAML needs; the caller translates. */
export type YamlTexts = { notRules: string; unknownPart: (name: string) => string }

export function toYaml(rules: Partial<Rules>): string {
  return stringify(compactRules(rules), { lineWidth: 0 })
}

export function fromYaml(source: string, texts: YamlTexts): Parsed {
  const lines = new LineCounter()
  const document = parseDocument(source, { lineCounter: lines })
  const lineAt = (offset: number) => Math.max(1, lines.linePos(offset).line)
  const lineOf = (path: string) => lineAt(offsetOf(document, path))
  const faults = document.errors.map(({ pos, message }) => ({
    line: lineAt(pos[0]),
    message: message.split(/ at line|\n/)[0] ?? message,
  }))
  if (faults.length) return { rules: null, faults, lineOf }
  const value: unknown = document.toJS() ?? {}
  if (typeof value !== 'object' || Array.isArray(value))
    return { rules: null, faults: [{ line: 1, message: texts.notRules }], lineOf }
  const strangers = Object.keys(value as object).filter((name) => !PARTS.includes(name as Part))
  if (strangers.length) {
    const unknown = strangers.map((name) => ({ line: lineOf(name), message: texts.unknownPart(name) }))
    return { rules: null, faults: unknown, lineOf }
  }
  return { rules: completed(value as Partial<Rules>), faults: [], lineOf }
}

function completed(written: Partial<Rules>): Partial<Rules> {
  const given = PARTS.filter((part) => written[part] !== undefined)
  return Object.fromEntries(given.map((part) => [part, complete(SHAPES[part], written[part] ?? undefined)]))
}

type Ranged = { range?: readonly number[] | null }
type Keyed = { items?: { key?: Ranged & { value?: unknown } }[] }

/** Where the deepest part of the path that is written stands: at its key, or at the item of a list. */
function offsetOf(document: Document.Parsed, path: string): number {
  let offset = 0
  const keys: (string | number)[] = []
  for (const step of steps(document, path)) {
    const parent = document.getIn(keys, true) as Keyed | undefined
    const key = parent?.items?.find((pair) => pair.key?.value === step)?.key
    keys.push(step)
    const node = (key ?? document.getIn(keys, true)) as Ranged | undefined
    if (!node?.range) break
    offset = node.range[0] ?? offset
  }
  return offset
}

/** A path cut where the document has keys: names of versions may hold dots. */
function steps(document: Document.Parsed, path: string): (string | number)[] {
  const parts = path.split('.')
  const found: (string | number)[] = []
  while (parts.length) {
    const length =
      parts.findIndex((_, index) => document.hasIn([...found, parts.slice(0, index + 1).join('.')])) + 1
    const name = parts.splice(0, length || 1).join('.')
    found.push(/^\d+$/.test(name) ? Number(name) : name)
    if (!length) break
  }
  return found
}
