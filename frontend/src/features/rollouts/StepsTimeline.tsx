import { formatWeight } from '@/ui/format'
import { useText } from '@/ui/useText'
import { formatDuration, formatRough } from './durations'
import type { TimedStep } from './steps'

/** Narrower than this a part of the timeline could not be seen. */
const LEAST_SHARE = 0.012
const PERSON_SHARE = 0.03

/** The canary's weight over time; where a person decides, a hatched column stands. */
export function StepsTimeline({ timed }: { timed: TimedStep[] }) {
  const t = useText()
  const total = timed.reduce((sum, { ms }) => sum + (ms ?? 0), 0) || 1
  const label = timed
    .flatMap(({ step, startMs }) =>
      'set_weight' in step ? [`${formatWeight(step.set_weight)} +${formatDuration(startMs)}`] : [],
    )
    .join(', ')
  return (
    <figure className="timeline">
      <figcaption className="muted">{t('wizard.timeline')}</figcaption>
      <div className="timeline-plot" role="img" aria-label={`${t('wizard.timeline')}: ${label}`}>
        {timed.map(({ index, step, audience, ms, startMs }) => (
          <div
            key={index}
            className={ms === null ? 'timeline-part timeline-person' : 'timeline-part'}
            style={{ flexGrow: ms === null ? PERSON_SHARE : Math.max(LEAST_SHARE, ms / total) }}
          >
            <span className="timeline-fill" style={{ height: `${100 * Math.max(audience.share, 0.01)}%` }} />
            {'set_weight' in step && (
              <span
                className={
                  index === timed.length - 1 ? 'timeline-label timeline-label-last' : 'timeline-label'
                }
              >
                {formatWeight(step.set_weight)}
                {startMs > 0 && index < timed.length - 1 && (
                  <span className="muted timeline-from"> +{formatRough(startMs)}</span>
                )}
              </span>
            )}
          </div>
        ))}
      </div>
    </figure>
  )
}
