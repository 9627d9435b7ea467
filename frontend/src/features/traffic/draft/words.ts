/** Rules in plain words: what a collapsed route, a folded section and a change say. */
import type { Fault, FieldMatch, HeaderOps, RateLimit, Redirect, Retry, Route, Weights } from '@/api/types'
import type { TextKey, Translate } from '@/text'
import { writeDuration, writePer } from './duration'
import { newRoute } from './rules'
import { same } from './shape'

const USUAL = newRoute('usual')
const TIMES: Record<number, TextKey> = { 1: 'words.retry.once', 2: 'words.retry.twice' }
const percent = (share: number) => `${share} %`

/** "GET /items/* with x-tier: beta": which requests a route takes. */
export function matchWords(
  { path, methods, headers, query, cookies, sources }: Route['match'],
  t: Translate,
): string {
  const conditions = [
    ...headers.map((each) => conditionWords(each, '', t)),
    ...query.map((each) => conditionWords(each, '?', t)),
    ...cookies.map((each) => conditionWords(each, t('words.cookie'), t)),
  ]
  const bare = !methods.length && !path
  return [
    bare ? t('words.every') : [methods.join(', '), path ? pathWords(path) : ''].filter(Boolean).join(' '),
    conditions.length ? t('words.with', { conditions: conditions.join(', ') }) : '',
    sources.length ? t('words.from', { sources: sources.join(', ') }) : '',
  ]
    .filter(Boolean)
    .join(' ')
}

function pathWords({ kind, value }: NonNullable<Route['match']['path']>): string {
  if (kind === 'prefix') return value === '/' ? '/*' : `${value.replace(/\/$/, '')}/*`
  return kind === 'regex' ? `~ ${value}` : value
}

function conditionWords({ name, kind, value, invert }: FieldMatch, where: string, t: Translate): string {
  const shown = `${where}${name}`
  if (kind === 'present') return t(invert ? 'words.absent' : 'words.present', { name: shown })
  const joined = { exact: `${shown}: ${value}`, prefix: `${shown}: ${value}…`, regex: `${shown} ~ ${value}` }[
    kind
  ]
  return invert ? t('words.not', { condition: joined }) : joined
}

/** "v2", "v1 90 %, v2 10 %", "301 to https://…": what happens to them. */
export function outcomeWords(route: Route, t: Translate): string {
  if (route.redirect)
    return t('words.redirect', { code: route.redirect.code, to: targetWords(route.redirect, t) })
  if (route.direct) return t('words.direct', { status: route.direct.status })
  return route.weights ? weightWords(route.weights) : t('words.split')
}

export function weightWords(weights: Weights): string {
  const taking = Object.entries(weights).filter(([, weight]) => weight > 0)
  const [only] = taking
  if (only && taking.length === 1 && only[1] === 100) return only[0]
  return taking.map(([version, weight]) => `${version} ${percent(weight)}`).join(', ')
}

function targetWords({ scheme, host, port, path, prefix }: Redirect, t: Translate): string {
  const place = `${scheme ? `${scheme}://` : ''}${host}${port ? `:${port}` : ''}${path || prefix}`
  return place || t('words.same')
}

export function rewriteWords(
  { path, prefix, regex, substitution, host }: NonNullable<Route['rewrite']>,
  t: Translate,
) {
  const to = path || (prefix && `${prefix.replace(/\/$/, '')}/*`) || (regex && `${regex} → ${substitution}`)
  return t('words.rewrite', { to: [host, to].filter(Boolean).join(' ') })
}

export function opsWords(ops: HeaderOps): string {
  return [
    ...ops.remove.map((name) => `−${name}`),
    ...Object.entries(ops.set).map(([name, value]) => `${name}: ${value}`),
    ...Object.entries(ops.add).map(([name, value]) => `+${name}: ${value}`),
  ].join(', ')
}

export function mirrorWords({ version, percent: share }: NonNullable<Route['mirror']>, t: Translate): string {
  return t('words.mirror', { share: percent(share), version })
}

export function faultWords(
  { delay_ms, delay_percent, abort_status, abort_percent, header }: Fault,
  t: Translate,
) {
  const parts = [
    delay_ms ? t('words.delay', { share: percent(delay_percent), time: writeDuration(delay_ms) }) : '',
    abort_status ? t('words.abort', { share: percent(abort_percent), status: abort_status }) : '',
    header ? t('words.onlyWith', { header }) : '',
  ]
  return parts.filter(Boolean).join(', ')
}

export function retryWords({ attempts, per_try_timeout_ms, unsafe }: Retry, t: Translate): string {
  if (!attempts) return t('words.retry.none')
  return [
    t(TIMES[attempts] ?? 'words.retry.times', { times: attempts }),
    per_try_timeout_ms ? t('words.perTry', { time: writeDuration(per_try_timeout_ms) }) : '',
    unsafe ? t('words.unsafe') : '',
  ]
    .filter(Boolean)
    .join(', ')
}

export function timeoutWords({ request_ms, idle_ms }: Route['timeouts'], t: Translate): string {
  const idle = idle_ms === USUAL.timeouts.idle_ms ? '' : t('words.idle', { time: writeDuration(idle_ms) })
  return [writeDuration(request_ms), idle].filter(Boolean).join(', ')
}

export function stickyWords({ kind, name }: NonNullable<Route['sticky']>, t: Translate): string {
  return kind === 'source' ? t('words.sticky.source') : t(`words.sticky.${kind}`, { name })
}

export function limitWords({ requests, per_ms, by, scope }: RateLimit, t: Translate): string {
  const rate = t(scope === 'global' ? 'words.limit.global' : 'words.limit', {
    requests,
    time: writePer(per_ms),
  })
  return by.length
    ? t('words.by', { rate, keys: by.map((key) => key.replace('header:', '')).join(', ') })
    : rate
}

export function limitsWords(limits: RateLimit[], t: Translate): string {
  return t('words.limited', { limits: limits.map((limit) => limitWords(limit, t)).join('; ') })
}

export function backendWords(backends: Route['backends']): string {
  return Object.entries(backends)
    .map(([version, { request_headers, response_headers }]) =>
      [version, request_headers && opsWords(request_headers), response_headers && opsWords(response_headers)]
        .filter(Boolean)
        .join(' '),
    )
    .join('; ')
}

/** What a route does beside forwarding, shortest first; only what is not as usual. */
export function extraWords(route: Route, t: Translate): string[] {
  const forwards = !route.redirect && !route.direct
  return [
    forwards && !same(route.timeouts, USUAL.timeouts) && timeoutWords(route.timeouts, t),
    forwards && !same(route.retry, USUAL.retry) && retryWords(route.retry, t),
    route.rewrite && rewriteWords(route.rewrite, t),
    (route.request_headers || route.response_headers || Object.keys(route.backends).length > 0) &&
      t('words.headers'),
    route.mirror && mirrorWords(route.mirror, t),
    route.fault && faultWords(route.fault, t),
    route.sticky && stickyWords(route.sticky, t),
    route.limits.length > 0 && limitsWords(route.limits, t),
  ].filter((words): words is string => Boolean(words))
}

/** The whole route in one sentence: "GET /items/* with x-tier: beta → v2, 2 s, retried twice". */
export function routeWords(route: Route, t: Translate): string {
  const outcome = [outcomeWords(route, t), ...extraWords(route, t)].join(', ')
  return `${matchWords(route.match, t)} → ${outcome}`
}
