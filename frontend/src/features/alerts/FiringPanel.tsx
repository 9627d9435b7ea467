import { Link } from '@tanstack/react-router'
import type { Alert } from '@/api/types'
import { Panel } from '@/ui/Panel'
import { Time } from '@/ui/Time'
import { useText } from '@/ui/useText'
import { AlertLink, SeverityMark, SilencedNote } from './parts'

const LISTED = 6

/** The alerts that fire, for the overview: those that wake somebody first. */
export function FiringPanel({ alerts }: { alerts: readonly Alert[] }) {
  const t = useText()
  const shown = [...alerts].sort((a, b) => a.severity.localeCompare(b.severity)).slice(0, LISTED)
  return (
    <Panel title={t('overview.alerts')} aside={<Link to="/alerts">{t('overview.allAlerts')}</Link>}>
      <ul className="plain-list">
        {shown.map((alert) => (
          <li key={alert.id}>
            <span className="row">
              <SeverityMark severity={alert.severity} />
              <AlertLink alert={alert} />
              <span className="muted">
                <Time at={alert.since} />
              </span>
              <SilencedNote alert={alert} />
            </span>
            <p className="muted">{alert.detail}</p>
          </li>
        ))}
        {alerts.length > LISTED && <li className="muted">{t('ack.more', { n: alerts.length - LISTED })}</li>}
      </ul>
    </Panel>
  )
}
