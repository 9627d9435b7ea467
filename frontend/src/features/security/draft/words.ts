/** Policies in plain words. */
import type { PolicyAction, PolicyHours, PolicyRule, PolicyToken, PolicyWhen } from '@/api/types'
import { currentLocale, type Translate } from '@/text'

/** A Monday, to name the days from. */
const MONDAY = Date.UTC(2024, 0, 1)
const DAY_MS = 86_400_000
const MINUTES = 60

type Junction = 'conjunction' | 'disjunction'

function joined(words: readonly string[], type: Junction): string {
  return new Intl.ListFormat(currentLocale(), { type, style: 'long' }).format(words)
}

export function serviceWords(pattern: string, t: Translate): string {
  return pattern.endsWith('/*') ? t('sec.words.anyIn', { namespace: pattern.slice(0, -2) }) : pattern
}

/** "shop/frontend and anything in platform", "anyone from 10.0.0.0/8 except shop/batch". */
export function whoWords(from: PolicyRule['from'], action: PolicyAction, t: Translate): string {
  const named = from.services.map((each) => serviceWords(each, t))
  const within = from.namespaces.map((namespace) => t('sec.words.anyIn', { namespace }))
  const except = [
    ...from.not_services.map((each) => serviceWords(each, t)),
    ...from.not_namespaces.map((namespace) => t('sec.words.anyIn', { namespace })),
  ]
  const anyone = action === 'deny' && !from.jwt ? t('sec.words.nobody') : t('sec.words.anyone')
  const subject = named.length
    ? joined(named, 'conjunction')
    : within.length
      ? joined(within, 'conjunction')
      : anyone
  return [
    subject,
    named.length && from.namespaces.length
      ? t('sec.words.ifIn', { namespaces: joined(from.namespaces, 'disjunction') })
      : '',
    from.cidrs.length ? t('sec.words.from', { ranges: joined(from.cidrs, 'disjunction') }) : '',
    from.not_cidrs.length ? t('sec.words.notFrom', { ranges: joined(from.not_cidrs, 'disjunction') }) : '',
    except.length ? t('sec.words.except', { who: joined(except, 'conjunction') }) : '',
    from.jwt ? tokenWords(from.jwt, t) : '',
  ]
    .filter(Boolean)
    .join(' ')
}

/** "with a token of corp that says role is reader". */
export function tokenWords({ providers, claims }: PolicyToken, t: Translate): string {
  const said = Object.entries(claims).map(([name, values]) =>
    values.includes('*')
      ? t('sec.words.claimed', { name })
      : t('sec.words.is', { header: name, values: joined(values, 'disjunction') }),
  )
  const token = providers.length
    ? t('sec.words.tokenOf', { providers: joined(providers, 'disjunction') })
    : t('sec.words.token')
  return said.length ? t('sec.words.tokenSaying', { token, claims: joined(said, 'conjunction') }) : token
}

/** "GET /items/*", "call anything but /admin/* on port 8080". */
export function whatWords(to: PolicyRule['to'], t: Translate): string {
  const paths = to.paths.filter((path) => path !== '*')
  const verb = to.methods.length ? joined(to.methods, 'disjunction') : t('sec.words.call')
  const object = paths.length ? joined(paths, 'disjunction') : t('sec.words.anything')
  return [
    verb,
    object,
    to.not_paths.length ? t('sec.words.but', { what: joined(to.not_paths, 'disjunction') }) : '',
    to.not_methods.length
      ? t('sec.words.notMethods', { methods: joined(to.not_methods, 'disjunction') })
      : '',
    to.hosts.length ? t('sec.words.host', { hosts: joined(to.hosts, 'disjunction') }) : '',
    to.not_hosts.length ? t('sec.words.notHost', { hosts: joined(to.not_hosts, 'disjunction') }) : '',
    to.ports.length ? t('sec.words.port', { ports: joined(to.ports.map(String), 'disjunction') }) : '',
    to.not_ports.length
      ? t('sec.words.notPort', { ports: joined(to.not_ports.map(String), 'disjunction') })
      : '',
  ]
    .filter(Boolean)
    .join(' ')
}

export function whenWords({ header, in: among, not_in: none }: PolicyWhen, t: Translate): string {
  const is = among.length ? t('sec.words.is', { header, values: joined(among, 'disjunction') }) : ''
  const isNot = none.length ? t('sec.words.isNot', { header, values: joined(none, 'disjunction') }) : ''
  return [is, isNot].filter(Boolean).join(', ')
}

export function clock(minutes: number): string {
  const pad = (part: number) => String(part).padStart(2, '0')
  return `${pad(Math.floor(minutes / MINUTES))}:${pad(minutes % MINUTES)}`
}

/** Monday is 0. */
export function dayName(day: number, style: 'short' | 'long' = 'short'): string {
  const format = new Intl.DateTimeFormat(currentLocale(), { weekday: style, timeZone: 'UTC' })
  return format.format(MONDAY + day * DAY_MS)
}

export function hoursWords({ start, end, days }: PolicyHours, t: Translate): string {
  const span = t('sec.words.hours', { start: clock(start), end: clock(end) })
  if (!days.length) return span
  return `${span} ${t('sec.words.days', { days: daysWords(days) })}`
}

/** "Mon–Fri", "Mon, Wed". */
function daysWords(days: readonly number[]): string {
  const sorted = [...days].sort((a, b) => a - b)
  const [first = 0] = sorted
  const last = sorted.at(-1) ?? first
  const isRun = sorted.length > 2 && last - first === sorted.length - 1
  return isRun ? `${dayName(first)}–${dayName(last)}` : sorted.map((day) => dayName(day)).join(', ')
}

/** The whole rule: "shop/frontend and anything in platform may GET /items/* when x-tier is gold". */
export function ruleWords(rule: PolicyRule, action: PolicyAction, t: Translate): string {
  const who = whoWords(rule.from, action, t)
  const { services, namespaces, jwt } = rule.from
  const isNobody = action === 'deny' && !services.length && !namespaces.length && !jwt
  const conditions = [
    ...rule.when.map((each) => whenWords(each, t)),
    rule.hours ? hoursWords(rule.hours, t) : '',
  ].filter(Boolean)
  const may =
    action === 'external'
      ? t('sec.words.mayChecked')
      : action === 'allow' || isNobody
        ? t('sec.words.may')
        : t('sec.words.mayNot')
  const sentence = `${who} ${may} ${whatWords(rule.to, t)}`
  return conditions.length
    ? t('sec.words.when', { sentence, conditions: joined(conditions, 'conjunction') })
    : sentence
}

/** "shop/catalog", "every service in shop", "every service". */
export function targetWords(target: string, t: Translate): string {
  if (target === '*') return t('sec.target.mesh')
  return target.endsWith('/*') ? t('sec.target.namespace', { namespace: target.slice(0, -2) }) : target
}
