/** Small pieces of alerts: their severity, their rule in words, and the page that shows what they are about. */
import './texts'
import './alerts.css'
import { Link } from '@tanstack/react-router'
import type { Alert, AlertRule, AlertSeverity } from '@/api/types'
import type { Translate } from '@/text'
import { formatClock } from '@/ui/format'
import { ToneMark } from '@/ui/Mark'
import { useText } from '@/ui/useText'

export const RULES = [
  'objective_burn',
  'edge_failing',
  'certificate_late',
  'certificate_ending',
  'authority_ending',
  'rotation_waiting',
  'keys_unfetched',
  'proxy_out_of_sync',
  'rollout_paused',
] as const satisfies Exclude<AlertRule, ''>[]

const OF_SERVICE = ['certificate_late', 'certificate_ending', 'proxy_out_of_sync', 'rollout_paused'] as const

/** A rule of a newer server is shown by its name. */
export function ruleWords(rule: string, t: Translate): string {
  const known = RULES.find((each) => each === rule)
  return known ? t(`alerts.rule.${known}`) : rule
}

/** What is wrong, in the language of who looks; of a rule that we do not know, as the server says it. */
export function titleWords({ rule, object, service, title }: Alert, t: Translate): string {
  const [, name = ''] = object.split(/:(.*)/s)
  if (rule === 'edge_failing') {
    const [source = '', target = ''] = name.split('->')
    return t('alerts.title.edge_failing', { source, target })
  }
  if (rule === 'objective_burn') {
    const kind = name.endsWith(':latency') ? 'latency' : 'availability'
    return t(`alerts.title.objective_burn.${kind}`, { service })
  }
  if (rule === 'authority_ending') {
    return t(`alerts.title.authority_ending.${name === 'root' ? 'root' : 'intermediate'}`)
  }
  if (rule === 'keys_unfetched') return t('alerts.title.keys_unfetched', { provider: name })
  if (rule === 'rotation_waiting') return t('alerts.title.rotation_waiting')
  const ofService = OF_SERVICE.find((each) => each === rule)
  return ofService ? t(`alerts.title.${ofService}`, { service }) : title
}

export function SeverityMark({ severity }: { severity: AlertSeverity }) {
  const t = useText()
  return (
    <ToneMark tone={severity === 'page' ? 'failing' : 'degraded'} label={t(`alerts.severity.${severity}`)} />
  )
}

/** Leads where the dashboard shows it; `path` is one of ours, with its query. */
export function AlertLink({ alert }: { alert: Alert }) {
  const t = useText()
  const { pathname, searchParams } = new URL(alert.path, window.location.origin)
  return (
    <Link to={pathname as never} search={Object.fromEntries(searchParams) as never}>
      {titleWords(alert, t)}
    </Link>
  )
}

export function SilencedNote({ alert }: { alert: Alert }) {
  const t = useText()
  if (!alert.silenced_until) return null
  return (
    <span className="alert-silenced">
      {t('alerts.silencedUntil', { at: formatClock(alert.silenced_until) })}
    </span>
  )
}
