import { Button } from '@mantine/core'
import { useState } from 'react'
import { ToneMark } from '@/ui/Mark'
import { useText } from '@/ui/useText'
import type { Drafting, Validity } from './usePolicyDraft'

type PolicyBarProps = { drafting: Drafting; validity: Validity; onReview: () => void }

/** The state of the draft, always in sight: whether it is whole, and what comes next. */
export function PolicyBar({ drafting, validity, onReview }: PolicyBarProps) {
  const t = useText()
  const [listed, setListed] = useState(false)
  const { faults, checking, problem } = validity
  if (!drafting.isChanged) return null
  return (
    <section className="draft-bar" aria-label={t('sec.draft')}>
      {listed && faults.length > 0 && (
        <ul className="fault-list">
          {faults.map(({ path, message }) => (
            <li key={path + message}>
              <code>{path}</code> {message}
            </li>
          ))}
        </ul>
      )}
      {problem && (
        <p className="text-failing" role="alert">
          {problem}
        </p>
      )}
      {drafting.isOvertaken && (
        <p className="notice notice-degraded">
          {t('sec.draft.overtaken')}{' '}
          <button type="button" className="link-button" onClick={drafting.rebase}>
            {t('sec.draft.rebase')}
          </button>
        </p>
      )}
      <div className="draft-bar-line">
        <span role="status">
          {faults.length > 0 ? (
            <button
              type="button"
              className="link-button"
              aria-expanded={listed}
              onClick={() => setListed(!listed)}
            >
              <ToneMark tone="failing" label={t('sec.errors', { count: faults.length, n: faults.length })} />
            </button>
          ) : (
            <ToneMark
              tone={checking ? 'progress' : 'healthy'}
              label={t(checking ? 'sec.draft.checking' : 'sec.draft.valid')}
            />
          )}
        </span>
        <div className="draft-bar-actions">
          <Button size="xs" variant="default" onClick={drafting.discard}>
            {t('sec.draft.discard')}
          </Button>
          <Button size="xs" disabled={faults.length > 0 || problem !== null} onClick={onReview}>
            {t('action.review')}
          </Button>
        </div>
      </div>
    </section>
  )
}
