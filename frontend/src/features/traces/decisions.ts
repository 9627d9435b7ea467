/** What the mesh decided about a request, sentence by sentence. Pure but for the language. */
import type { Span } from '@/api/types'
import type { Translate } from '@/text'
import { flagWords, ruleWords } from '@/ui/decisionWords'
import { formatMs } from '@/ui/format'
import { triesOf } from './waterfall'

export type Tone = 'healthy' | 'degraded' | 'failing' | 'unknown'
/** `about` says where more of it is to be found. */
export type Sentence = { tone: Tone; text: string; about?: 'policy' | 'limits' | 'instances' | 'routes' }

/** Where one looks for what a flag tells of. */
const ABOUT: Record<string, Sentence['about']> = {
  UAEX: 'policy',
  RL: 'limits',
  RLSE: 'limits',
  UH: 'instances',
  UF: 'instances',
  UO: 'routes',
  UT: 'routes',
  NR: 'routes',
  FI: 'routes',
  URX: 'routes',
}
/** A caller that went away is no fault of the mesh. */
const MILD = new Set(['DC', 'FI', 'RL'])

const word = (span: Span, name: string) => {
  const value = span.attributes[name]
  return typeof value === 'string' ? value : ''
}

export function sentencesOf(span: Span, children: readonly Span[], t: Translate): Sentence[] {
  const { decisions } = span
  const outcome = word(span, 'meshui.outcome')
  if (outcome) return [tryEnded(span, outcome, t)]
  if (!decisions) return []
  const { rule, flags } = decisions
  return [
    ...routed(span, t),
    ...tried(span, children, t),
    ...(rule ? [{ tone: 'unknown', text: ruleWords(rule, t) } as const] : []),
    ...flags.map((flag) => ({
      tone: MILD.has(flag) ? ('degraded' as const) : ('failing' as const),
      text: flagWords(flag, t),
      about: ABOUT[flag],
    })),
    ...secured(span, t),
    answered(span, t),
  ]
}

function routed({ decisions, peer, attributes }: Span, t: Translate): Sentence[] {
  if (!decisions) return []
  const { route, endpoint } = decisions
  const version = String(attributes['meshui.version'] ?? '')
  const said: Sentence[] = []
  if (route && peer) said.push({ tone: 'healthy', text: t('span.routed', { route, peer }), about: 'routes' })
  if (endpoint && peer)
    said.push({
      tone: 'healthy',
      text: t(version ? 'span.sent.version' : 'span.sent', { version, endpoint }),
    })
  return said
}

function tried(span: Span, children: readonly Span[], t: Translate): Sentence[] {
  const tries = triesOf(span, children)
  const failed = tries.slice(0, -1).map((each, index) => {
    const why = outcomeWords(word(each, 'meshui.outcome'), t)
    const endpoint = word(each, 'meshui.endpoint')
    const told = { number: index + 1, endpoint, why, after: formatMs(each.duration_ms) }
    return { tone: 'degraded' as const, text: t('span.retried', told) }
  })
  const count = span.decisions?.tries ?? 1
  if (failed.length === 0 && count > 1) return [{ tone: 'degraded', text: t('span.tries', { n: count }) }]
  return failed
}

function tryEnded(span: Span, outcome: string, t: Translate): Sentence {
  const told = {
    endpoint: word(span, 'meshui.endpoint'),
    why: outcomeWords(outcome, t),
    after: formatMs(span.duration_ms),
  }
  return { tone: span.error ? 'failing' : 'healthy', text: t('span.try', told) }
}

/** A try ended with a status, or with a reason in the proxy's own words. */
function outcomeWords(outcome: string, t: Translate): string {
  if (/^\d+$/.test(outcome)) return t('span.status', { code: outcome })
  return outcome || t('span.noAnswer')
}

function secured({ decisions, peer }: Span, t: Translate): Sentence[] {
  if (decisions?.secured)
    return [{ tone: 'healthy', text: t(peer ? 'span.secured.to' : 'span.secured.from') }]
  // A call that reached no endpoint went neither way.
  if (peer && !decisions?.endpoint) return []
  return [{ tone: 'degraded', text: t(peer ? 'span.plain.to' : 'span.plain.from') }]
}

function answered({ decisions, error }: Span, t: Translate): Sentence {
  const code = decisions?.code ?? null
  const tone = error ? 'failing' : 'healthy'
  return code === null
    ? { tone, text: t('span.unanswered') }
    : { tone, text: t('span.answered', { code: String(code) }) }
}
