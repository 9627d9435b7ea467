/** A rollout in words: its state in one sentence, what holds it, what its numbers say. */
import type { MetricVerdict, PlanMetric, PlanStep, Rollout, RouteMatch, Sample, Verdict } from '@/api/types'
import type { Translate } from '@/text'
import { formatCount, formatShare, formatWeight, NONE } from '@/ui/format'
import { formatDuration, parseDuration } from './durations'

export type Tone = 'healthy' | 'degraded' | 'failing' | 'unknown' | 'progress'

const STATE_TONE: Record<Rollout['state'], Tone> = {
  draft: 'unknown',
  progressing: 'progress',
  paused: 'degraded',
  promoting: 'progress',
  rolling_back: 'failing',
  succeeded: 'healthy',
  rolled_back: 'failing',
}

export function toneOf({ state }: Pick<Rollout, 'state'>): Tone {
  return STATE_TONE[state]
}

/** "Progressing", "Paused: waits for approval". */
/** The reasons a pause can have that we know words for; one that is newer than this page is shown as it is. */
const PAUSES = [
  'manual',
  'approval',
  'inconclusive',
  'no_data',
  'metrics_down',
  'deadline',
  'drift',
  'laggards',
  'stable_unhealthy',
  'verdict',
] as const

export function pauseText(reason: string, t: Translate): string {
  const known = PAUSES.find((each) => each === reason)
  return known ? t(`rollout.pause.${known}`) : reason
}

export function phaseText({ step_phase }: Pick<Rollout, 'step_phase'>, t: Translate): string {
  return step_phase && t(`rollout.phase.${step_phase}`)
}

export function stateLabel({ state, pause_reason }: Pick<Rollout, 'state' | 'pause_reason'>, t: Translate) {
  const label = t(`rollout.state.${state}`)
  return state === 'paused' && pause_reason ? `${label}: ${pauseText(pause_reason, t)}` : label
}

export function canaryWeight({ weights, canary }: Pick<Rollout, 'weights' | 'canary'>): number {
  return weights.desired[canary] ?? 0
}

/** The answer of the cockpit, and of the banner on a service's page. */
export function sentenceOf(rollout: Rollout, t: Translate): string {
  const { state, pause_reason, canary, stable, service } = rollout
  const facts = { canary, stable, service, weight: formatWeight(canaryWeight(rollout)) }
  if (state === 'progressing')
    return t('rollout.sentence.progressing', { ...facts, phase: phaseText(rollout, t) })
  if (state === 'paused' && pause_reason)
    return t('rollout.sentence.pausedFor', { ...facts, why: pauseText(pause_reason, t) })
  return t(`rollout.sentence.${state}`, facts)
}

/** Why it is where it is, and while it runs what the analysis counts. */
export function whyOf({ reason, verdict, state }: Rollout): string {
  const counts = state === 'progressing' || state === 'promoting' ? verdict.reason : ''
  return [reason, counts === reason ? '' : counts].filter(Boolean).join(' · ')
}

/** "3 of 1,204 (0.249 %)". */
export function sampleText({ total, bad, rate }: Sample, t: Translate): string {
  if (total === 0) return t('rollout.noRequests')
  return t('rollout.sample', {
    bad: formatCount(bad),
    total: formatCount(total),
    rate: formatShare(rate ?? bad / total),
  })
}

/** E as people can read it: three digits, and powers of ten when it is huge. */
export function formatEvidence(e: number | null | undefined): string {
  if (e == null) return NONE
  if (e >= 1e6) return `10${superscript(Math.floor(Math.log10(e)))}`
  if (e >= 100) return formatCount(Math.round(e))
  if (e > 0 && e < 0.01) return '<\u00a00.01'
  return String(Number(e.toPrecision(3)))
}

const DIGITS = '⁰¹²³⁴⁵⁶⁷⁸⁹'
const superscript = (n: number) => [...String(n)].map((digit) => DIGITS[Number(digit)]).join('')

/** What the evidence means; its numbers stand beside it. */
export function evidenceText(
  { kind, E, limit }: Pick<Verdict, 'kind' | 'E' | 'limit'>,
  t: Translate,
): string {
  const silent = kind === 'no_data' || kind === 'error' || kind === 'none'
  if (silent || E === null || limit === null) return t(`rollout.verdict.${kind}.means`)
  if (E >= limit) return t('rollout.evidence.over')
  if (E >= limit / 10) return t('rollout.evidence.near')
  return t(E > 1 ? 'rollout.evidence.some' : 'rollout.evidence.none')
}

export function metricName(name: string, t: Translate): string {
  return name === 'errors' || name === 'latency' ? t(`rollout.metric.${name}`) : name
}

export const nameOfMetric = (metric: PlanMetric): string =>
  typeof metric === 'string' ? metric : metric.name

export function verdictTone({ kind }: Pick<Verdict, 'kind'>): Tone {
  return {
    pass: 'healthy',
    fail: 'failing',
    inconclusive: 'progress',
    no_data: 'unknown',
    error: 'degraded',
    none: 'unknown',
  }[kind] as Tone
}

/** The metric that says most: the failing one, else the one nearest to its limit. */
export function leadingVerdict({ verdict, metrics }: Pick<Rollout, 'verdict' | 'metrics'>): Verdict {
  if (verdict.metric) return verdict
  const deciding = metrics.filter(({ dry_run }) => !dry_run)
  return deciding.reduce<MetricVerdict | Verdict>(
    (most, metric) => (nearness(metric) > nearness(most) ? metric : most),
    verdict,
  )
}

const nearness = ({ E, limit }: Verdict) => (E !== null && limit ? E / limit : -1)

/** "set 5 %", "bake 1 min", "analyse". */
export function stepText(step: PlanStep, t: Translate): string {
  if ('set_weight' in step) return t('rollout.do.set_weight', { weight: formatWeight(step.set_weight) })
  if ('bake' in step) {
    const ms = parseDuration(step.bake)
    return t('rollout.do.bake', { time: ms === null ? step.bake : formatDuration(ms) })
  }
  if ('set_mirror' in step)
    return step.set_mirror.percent > 0
      ? t('rollout.do.set_mirror', { share: formatWeight(step.set_mirror.percent) })
      : t('rollout.do.set_mirror.off')
  if ('set_match' in step)
    return step.set_match.length
      ? t('rollout.do.set_match', { match: step.set_match.map(matchText).join(' | ') })
      : t('rollout.do.set_match.off')
  if ('webhook' in step) return t('rollout.do.webhook', { url: step.webhook.url })
  if ('analyse' in step) return t('rollout.do.analyse')
  return t('approve' in step ? 'rollout.do.approve' : 'rollout.do.pause')
}

/** The conditions of a match, in the order they are checked. */
export function matchText({ path, methods, headers, query, cookies, sources }: RouteMatch): string {
  const field = (where: string, { name, kind, value }: { name: string; kind?: string; value?: string }) =>
    kind === 'present' ? `${where}${name}` : `${where}${name}${kind === 'prefix' ? '^=' : '='}${value ?? ''}`
  return [
    methods?.join('|') ?? '',
    path ? path.value : '',
    ...(headers ?? []).map((header) => field('', header)),
    ...(query ?? []).map((each) => field('?', each)),
    ...(cookies ?? []).map((cookie) => field('cookie ', cookie)),
    sources?.length ? `from ${sources.join('|')}` : '',
  ]
    .filter(Boolean)
    .join(' ')
}
