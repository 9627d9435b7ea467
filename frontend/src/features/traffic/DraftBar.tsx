import { Button } from '@mantine/core'
import { useState } from 'react'
import { ToneMark } from '@/ui/Mark'
import { useText } from '@/ui/useText'
import { ruleChanges } from './draft/changes'
import { Overtaken } from './Overtaken'
import type { Drafting } from './useRules'
import { faultCount, type Validity } from './useValidation'

type DraftBarProps = {
  drafting: Drafting
  validity: Validity
  onReview: () => void
  onTry: (() => void) | undefined
}

/** The state of the draft, always in sight: how much it changes, what is wrong with it, and what comes next. */
export function DraftBar({ drafting, validity, onReview, onTry }: DraftBarProps) {
  const t = useText()
  const [listed, setListed] = useState(false)
  const { desired, changed } = drafting
  const count = ruleChanges(desired, changed, t).length
  if (!Object.keys(changed).length) return null
  const { faults, checking, problem } = validity
  return (
    <section className="draft-bar" aria-label={t('draft.title')}>
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
      <Overtaken drafting={drafting} />
      <div className="draft-bar-line">
        <span role="status">
          {faults.length > 0 ? (
            <button type="button" className="fold" aria-expanded={listed} onClick={() => setListed(!listed)}>
              <ToneMark tone="failing" label={faultCount(faults.length, t)} />
            </button>
          ) : (
            <ToneMark
              tone={checking ? 'progress' : 'healthy'}
              label={t(checking ? 'draft.checking' : 'draft.valid')}
            />
          )}
        </span>
        <span className="muted">{t('draft.changes', { n: count, count })}</span>
        <div className="draft-bar-actions">
          <Button size="xs" variant="default" onClick={() => drafting.discard()}>
            {t('draft.discard')}
          </Button>
          {onTry && (
            <Button size="xs" variant="default" onClick={onTry}>
              {t('try.title')}
            </Button>
          )}
          <Button size="xs" disabled={faults.length > 0 || count === 0} onClick={onReview}>
            {t('action.review')}
          </Button>
        </div>
      </div>
    </section>
  )
}
