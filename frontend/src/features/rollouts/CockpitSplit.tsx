import type { Rollout } from '@/api/types'
import { isActive } from '@/api/useRollouts'
import { formatShare, formatWeight, NONE } from '@/ui/format'
import { useText } from '@/ui/useText'
import { matchText } from './stateText'

type Shares = Record<string, number>

/** What is wanted, what all proxies run, and, while it lasts, what the traffic does. */
export function CockpitSplit({ rollout }: { rollout: Rollout }) {
  const t = useText()
  const { desired, acknowledged, observed } = rollout.weights
  const { stable, canary } = rollout
  const inForce = inForceOf(rollout)
  return (
    <div className="split-rows">
      <SplitRow
        label={t('split.desired')}
        versions={[stable, canary]}
        shares={desired}
        text={formatWeight}
        canary={canary}
      />
      <SplitRow
        label={t('rollout.acknowledged')}
        versions={[stable, canary]}
        shares={acknowledged}
        text={formatWeight}
        canary={canary}
        missing={t('rollout.acknowledged.none')}
      />
      {isActive(rollout) && (
        <SplitRow
          label={t('split.observed')}
          versions={[stable, canary]}
          shares={observed}
          text={formatShare}
          canary={canary}
          missing={t('split.noTraffic')}
        />
      )}
      {inForce.matches.length > 0 && (
        <>
          <span className="muted">{t('rollout.matches')}</span>
          <span>
            {t('rollout.matches.to', { match: inForce.matches.map(matchText).join(' | '), canary })}
          </span>
        </>
      )}
      {inForce.mirror > 0 && (
        <>
          <span className="muted">{t('rollout.mirror')}</span>
          <span>{t('rollout.mirror.to', { share: formatWeight(inForce.mirror), canary })}</span>
        </>
      )}
      {inForce.sticky && (
        <>
          <span className="muted">{t('rollout.sticky')}</span>
          <span>{inForce.sticky}</span>
        </>
      )}
    </div>
  )
}

/** What the steps so far laid over the routes, none of which outlives the rollout. */
function inForceOf({ plan, step_index, state }: Rollout) {
  const over =
    state === 'succeeded' || state === 'rolled_back' || state === 'rolling_back' || state === 'draft'
  const done = over ? [] : plan.steps.slice(0, step_index + 1)
  const matches = done.findLast((step) => 'set_match' in step)
  const mirror = done.findLast((step) => 'set_mirror' in step)
  const sticky = over ? null : plan.safety.sticky
  return {
    matches: matches && 'set_match' in matches ? matches.set_match : [],
    mirror: mirror && 'set_mirror' in mirror ? mirror.set_mirror.percent : 0,
    sticky: sticky && [sticky.kind, sticky.name].filter(Boolean).join(' '),
  }
}

type RowProps = {
  label: string
  versions: string[]
  shares: Shares | null
  text: (share: number) => string
  canary: string
  missing?: string
}

function SplitRow({ label, versions, shares, text, canary, missing = '' }: RowProps) {
  return (
    <>
      <span className="muted">{label}</span>
      {shares === null ? (
        <span className="muted">
          {NONE} {missing}
        </span>
      ) : (
        <div>
          <div className="share-bar" aria-hidden="true">
            {versions.map((version) => (
              <span
                key={version}
                className={version === canary ? 'is-canary' : 'is-stable'}
                style={{ flexGrow: shares[version] ?? 0 }}
              />
            ))}
          </div>
          <div className="row split-legend">
            {versions.map((version) => (
              <span key={version} className="marked">
                <i
                  className={version === canary ? 'rollout-swatch is-canary' : 'rollout-swatch is-stable'}
                  aria-hidden="true"
                />
                {version} {text(shares[version] ?? 0)}
              </span>
            ))}
          </div>
        </div>
      )}
    </>
  )
}
