import { formatShare } from './format'
import { useText } from './useText'

type ResponseBarProps = { shares: { ok: number; client: number; failed: number } }

/** Responses by class, as a bar and in numbers. */
export function ResponseBar({ shares }: ResponseBarProps) {
  const t = useText()
  const parts = [
    { key: 'ok', label: t('codes.ok'), share: shares.ok, color: 'var(--healthy)' },
    { key: 'client', label: t('codes.client'), share: shares.client, color: 'var(--degraded-mark)' },
    { key: 'failed', label: t('codes.failed'), share: shares.failed, color: 'var(--failing)' },
  ]
  return (
    <div>
      <div className="share-bar" aria-hidden="true">
        {parts.map(
          ({ key, share, color }) =>
            share > 0 && <span key={key} style={{ flexGrow: share, background: color }} />,
        )}
      </div>
      <p className="row response-legend">
        {parts.map(({ key, label, share, color }) => (
          <span key={key} className="marked">
            <svg width="8" height="8" aria-hidden="true">
              <rect width="8" height="8" rx="2" style={{ fill: color }} />
            </svg>
            {label} {formatShare(share)}
          </span>
        ))}
      </p>
    </div>
  )
}
