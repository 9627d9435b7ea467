/** Find and hide, and what they did. */
import { memo, type RefObject } from 'react'
import type { Vocabulary } from '@/graph/query/complete'
import { useText } from '@/ui/useText'
import type { SetState, TopologyState } from './options'
import { QueryField } from './QueryField'

type QueryBarProps = {
  state: TopologyState
  set: SetState
  foundCount: number
  hiddenCount: number
  isOpen: boolean
  vocabulary: () => Vocabulary
  findRef: RefObject<HTMLInputElement | null>
  onNext: () => void
}

const ASKS_FOR_VERSION = /\bversion\s*[=!]/

export const QueryBar = memo(function QueryBar(props: QueryBarProps) {
  const { state, set, foundCount, hiddenCount, isOpen, vocabulary, findRef, onNext } = props
  const t = useText()
  const needsVersions = state.by === 'service' && ASKS_FOR_VERSION.test(`${state.find} ${state.hide}`)
  return (
    <search className="query-bar" data-open={isOpen || undefined} aria-label={t('topology.queries')}>
      <QueryField
        label={t('topology.find')}
        placeholder={t('topology.find.example')}
        value={state.find}
        outcome={state.find && t('topology.found', { n: foundCount })}
        vocabulary={vocabulary}
        onChange={(find) => set({ find })}
        onEnter={onNext}
        inputRef={findRef}
      />
      <QueryField
        label={t('topology.hide')}
        placeholder={t('topology.hide.example')}
        value={state.hide}
        outcome={state.hide && t('topology.hidden', { n: hiddenCount })}
        vocabulary={vocabulary}
        onChange={(hide) => set({ hide })}
      />
      {needsVersions && (
        <p className="query-hint muted">
          {t('topology.query.needsVersions')}{' '}
          <button type="button" className="link-button" onClick={() => set({ by: 'version', sel: '' })}>
            {t('topology.query.showVersions')}
          </button>
        </p>
      )}
    </search>
  )
})
