/** Example requests of a moment that was chosen on a chart: those that failed first, then the slowest. */
import { CloseButton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { type Subject, traceQueries } from '@/api/traces'
import { formatMs, NONE } from './format'
import { ToneMark } from './Mark'
import { Loaded } from './States'
import { useText } from './useText'

type MomentTracesProps = {
  subject: Subject
  /** Unix seconds: the step of the chart, from its beginning. */
  at: number
  stepSeconds: number
  onClose: () => void
}

const SHOWN = 6

export default function MomentTraces({ subject, at, stepSeconds, onClose }: MomentTracesProps) {
  const t = useText()
  const query = useQuery(traceQueries.exemplars(subject, at, at + stepSeconds, SHOWN))
  const clock = new Date(at * 1000).toLocaleTimeString([], { hourCycle: 'h23' })
  const range = { from: iso(at), to: iso(at + stepSeconds) }
  return (
    <section className="moment" aria-label={t('moment.title', { at: clock })}>
      <header>
        <strong>{t('moment.title', { at: clock })}</strong>
        <Link to="/traces" search={{ ...subject, ...range } as never}>
          {t('moment.all')}
        </Link>
        <CloseButton size="sm" aria-label={t('action.close')} onClick={onClose} />
      </header>
      <Loaded
        query={query}
        source={t('moment.source')}
        skeleton={<p className="muted">{t('state.loading')}</p>}
      >
        {({ exemplars }) =>
          exemplars.length === 0 ? (
            <p className="muted">{t('moment.none')}</p>
          ) : (
            <ul>
              {exemplars.map(({ trace_id, span_id, code, error, duration_ms }) => (
                <li key={span_id}>
                  <Link to="/traces/$id" params={{ id: trace_id }} search={{ span: span_id } as never}>
                    <ToneMark
                      tone={error ? 'failing' : 'healthy'}
                      label={`${code ?? NONE} · ${formatMs(duration_ms)}`}
                    />
                  </Link>
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </section>
  )
}

const iso = (seconds: number) => new Date(seconds * 1000).toISOString()
