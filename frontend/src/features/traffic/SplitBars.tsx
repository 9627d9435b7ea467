import type { VersionTraffic } from '@/api/types'
import { formatShare, formatWeight, NONE } from '@/ui/format'
import { useText } from '@/ui/useText'
import type { Weights } from './splitMath'

type SplitBarsProps = { desired: Weights; observed: Record<string, VersionTraffic> | undefined }

/** What was asked for beside what the traffic does. */
export function SplitBars({ desired, observed }: SplitBarsProps) {
  const t = useText()
  const versions = Object.keys(desired)
  const share = (version: string) => observed?.[version]?.share ?? 0
  const seen = versions.some((version) => share(version) > 0)
  return (
    <div className="split-compare">
      <span className="muted">{t('split.desired')}</span>
      <Bar
        versions={versions}
        value={(version) => desired[version] ?? 0}
        text={(v) => formatWeight(desired[v] ?? 0)}
      />
      <span className="muted">{t('split.observed')}</span>
      {seen ? (
        <Bar versions={versions} value={share} text={(version) => formatShare(share(version))} />
      ) : (
        <span className="muted">
          {NONE} {t('split.noTraffic')}
        </span>
      )}
    </div>
  )
}

type BarProps = { versions: string[]; value: (version: string) => number; text: (version: string) => string }

function Bar({ versions, value, text }: BarProps) {
  return (
    <div>
      <div className="share-bar" aria-hidden="true">
        {versions.map((version, index) => (
          <span key={version} className={`version-${(index % 4) + 1}`} style={{ flexGrow: value(version) }} />
        ))}
      </div>
      <div className="row">
        {versions.map((version, index) => (
          <span key={version} className="marked">
            <i className={`swatch version-${(index % 4) + 1}`} aria-hidden="true" />
            {version} {text(version)}
          </span>
        ))}
      </div>
    </div>
  )
}
