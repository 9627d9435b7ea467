/** What can be told of a policy's mistakes while it is typed. The server has the last word. */
import type { TextKey } from '@/text'
import {
  FROM_LISTS,
  type FromList,
  type PolicyDraft,
  type RuleDraft,
  TO_LISTS,
  type ToList,
} from './policy.ts'

export type Flaw = { path: string; text: TextKey }

const LABEL = '[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?'
const NAME = /^[a-z]([-a-z0-9.]{0,61}[a-z0-9])?$/
const TARGET = new RegExp(`^(\\*|${LABEL}/(\\*|${LABEL}))$`)
const SERVICE = new RegExp(`^${LABEL}/(${LABEL}|\\*)$`)
const NAMESPACE = new RegExp(`^${LABEL}$`)
const CIDR = /^[0-9A-Fa-f:.]{2,45}(\/[0-9]{1,3})?$/
const METHOD = /^[A-Z][A-Z-]{0,31}$/
const HOST = /^(\*|(\*\.)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?)$/
const HEADER = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/
const ONE_SERVICE = new RegExp(`^${LABEL}/${LABEL}$`)
const PREFIX = /^(\/[!-~]*[!-.0-~])?$/
const MOST_PORT = 65_535
const MOST_TIMEOUT_MS = 10_000

type Test = (text: string) => boolean
type ListTest = [test: Test, text: TextKey]

/** A header as the API takes it here: in lower case. */
const isField: Test = (text) => HEADER.test(text) && text === text.toLowerCase()
const isPort: Test = (text) => /^[1-9]\d{0,4}$/.test(text) && Number(text) <= MOST_PORT

/** A path, with one star at an end, or whole segments as variables. */
export const isPath: Test = (text) => {
  if (!/^[/*][!-~]*$/.test(text)) return false
  if (text.startsWith('*')) return !text.slice(1).includes('*')
  const stem = text.replace(/\*$/, '')
  if (stem.includes('*')) return false
  if (!/[{}]/.test(stem)) return true
  return stem === text && text.split('/').every((part) => /^(\{[A-Za-z_]\w*\}|[^{}]*)$/.test(part))
}

const OF_FROM: Record<FromList, ListTest> = {
  services: [(text) => SERVICE.test(text), 'sec.flaw.service'],
  not_services: [(text) => SERVICE.test(text), 'sec.flaw.service'],
  namespaces: [(text) => NAMESPACE.test(text), 'sec.flaw.namespace'],
  not_namespaces: [(text) => NAMESPACE.test(text), 'sec.flaw.namespace'],
  cidrs: [(text) => CIDR.test(text), 'sec.flaw.cidr'],
  not_cidrs: [(text) => CIDR.test(text), 'sec.flaw.cidr'],
}
const OF_TO: Record<ToList, ListTest> = {
  methods: [(text) => METHOD.test(text), 'sec.flaw.method'],
  not_methods: [(text) => METHOD.test(text), 'sec.flaw.method'],
  paths: [isPath, 'sec.flaw.path'],
  not_paths: [isPath, 'sec.flaw.path'],
  hosts: [(text) => HOST.test(text), 'sec.flaw.host'],
  not_hosts: [(text) => HOST.test(text), 'sec.flaw.host'],
  ports: [isPort, 'sec.flaw.port'],
  not_ports: [isPort, 'sec.flaw.port'],
}

export function policyFlaws({ name, target, action, rules, check }: PolicyDraft): Flaw[] {
  return [
    ...when(!NAME.test(name), 'name', name ? 'sec.flaw.name' : 'sec.flaw.required'),
    ...when(!TARGET.test(target), 'target', target ? 'sec.flaw.target' : 'sec.flaw.required'),
    ...when(action === 'deny' && rules.length === 0, 'rules', 'sec.flaw.denyNothing'),
    ...when(action === 'external' && rules.length === 0, 'rules', 'sec.flaw.askNothing'),
    ...(action === 'external' ? checkFlaws(check) : []),
    ...rules.flatMap((rule, index) => ruleFlaws(rule, `rules.${index}`)),
  ]
}

function checkFlaws(check: PolicyDraft['check']): Flaw[] {
  const {
    service = '',
    path_prefix = '',
    timeout_ms = 500,
    request_headers = [],
    response_headers = [],
  } = check ?? {}
  const isTime = Number.isInteger(timeout_ms) && timeout_ms >= 1 && timeout_ms <= MOST_TIMEOUT_MS
  return [
    ...when(
      !ONE_SERVICE.test(service),
      'check.service',
      service ? 'sec.flaw.oneService' : 'sec.flaw.required',
    ),
    ...when(!PREFIX.test(path_prefix), 'check.path_prefix', 'sec.flaw.prefix'),
    ...when(!isTime, 'check.timeout_ms', 'sec.flaw.timeout'),
    ...entryFlaws(request_headers, [isField, 'sec.flaw.header'], 'check.request_headers'),
    ...entryFlaws(response_headers, [isField, 'sec.flaw.header'], 'check.response_headers'),
  ]
}

function tokenFlaws(token: RuleDraft['from']['jwt'], path: string): Flaw[] {
  const names = token?.claims.map(({ name }) => name) ?? []
  return (token?.claims ?? []).flatMap(({ name, values }, index) => [
    ...when(!name, `${path}.claims.${index}.name`, 'sec.flaw.required'),
    ...when(names.indexOf(name) !== index, `${path}.claims.${index}.name`, 'sec.flaw.claimTwice'),
    ...when(values.length === 0, `${path}.claims.${index}.values`, 'sec.flaw.noValues'),
  ])
}

function ruleFlaws({ from, to, when: conditions, hours }: RuleDraft, path: string): Flaw[] {
  return [
    ...FROM_LISTS.flatMap((list) => entryFlaws(from[list], OF_FROM[list], `${path}.from.${list}`)),
    ...tokenFlaws(from.jwt, `${path}.from.jwt`),
    ...TO_LISTS.flatMap((list) => entryFlaws(to[list], OF_TO[list], `${path}.to.${list}`)),
    ...conditions.flatMap((condition, index) => [
      ...when(!HEADER.test(condition.header), `${path}.when.${index}.header`, 'sec.flaw.header'),
      ...when(
        condition.in.length + condition.not_in.length === 0,
        `${path}.when.${index}.in`,
        'sec.flaw.noValues',
      ),
    ]),
    ...when(hours !== null && hours.start === hours.end, `${path}.hours.end`, 'sec.flaw.hours'),
  ]
}

const when = (wrong: boolean, path: string, text: TextKey): Flaw[] => (wrong ? [{ path, text }] : [])

function entryFlaws(entries: readonly string[], [test, text]: ListTest, path: string): Flaw[] {
  return entries.flatMap((entry, index) => when(!test(entry), `${path}.${index}`, text))
}

/** Whether no identity can be in both lists, so that the rule matches nobody. */
export function isForNobody({ services, namespaces }: Pick<RuleDraft['from'], FromList>): boolean {
  if (!services.length || !namespaces.length) return false
  return !services.some((service) => namespaces.includes(service.split('/')[0] ?? ''))
}
