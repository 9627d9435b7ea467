import { useText } from '@/ui/useText'
import type { Drafting } from './useRules'

/** Says that somebody else changed what is being drafted, and lets the draft be laid over theirs. */
export function Overtaken({ drafting }: { drafting: Drafting }) {
  const t = useText()
  if (!drafting.overtaken.length) return null
  return (
    <p className="notice notice-degraded" role="alert">
      {t('draft.overtaken')}{' '}
      <button type="button" className="link-button" onClick={drafting.rebase}>
        {t('draft.rebase')}
      </button>
    </p>
  )
}
