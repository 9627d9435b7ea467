import { Link } from '@tanstack/react-router'
import type { Subject } from '@/api/traces'
import { useText } from './useText'

/** From what was counted to the requests themselves: traces, lines of the log, and those that pass now. */
export function RequestLinks({ subject }: { subject: Subject }) {
  const t = useText()
  return (
    <span className="request-links">
      <Link to="/traces" search={{ ...subject, range: '15m' } as never}>
        {t('nav.traces')}
      </Link>
      <Link to="/logs" search={sidesOf(subject) as never}>
        {t('nav.accessLog')}
      </Link>
      <Link to="/logs/taps" search={tappedOf(subject) as never}>
        {t('nav.tap')}
      </Link>
    </span>
  )
}

function sidesOf(subject: Subject): { service: string } | { source: string; destination: string } {
  if (!('edge' in subject)) return subject
  const [source = '', destination = ''] = subject.edge.split('->')
  return { source, destination }
}

/** Of a service one taps what it is asked. */
function tappedOf(subject: Subject): { source?: string; destination: string } {
  return 'edge' in subject ? (sidesOf(subject) as { destination: string }) : { destination: subject.service }
}
