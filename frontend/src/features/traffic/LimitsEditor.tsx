import type { RateLimit } from '@/api/types'
import { Panel } from '@/ui/Panel'
import { useText } from '@/ui/useText'
import { SHAPES } from './draft/rules'
import type { Slot } from './fields'
import { LimitFields } from './LimitFields'
import { LimitsUse } from './LimitsUse'
import { Section } from './Section'
import type { Drafting } from './useRules'

/** What the instances of a service take: their own proxies count, by the identity of the caller. */
export function LimitsEditor({ drafting, mayWrite }: { drafting: Drafting; mayWrite: boolean }) {
  const t = useText()
  const slot: Slot<RateLimit[]> = {
    path: 'limits',
    shape: SHAPES.limits,
    value: drafting.rules.limits,
    onChange: (limits) => drafting.set('limits', limits),
  }
  return (
    <Panel title={t('limits.title')} flush>
      <fieldset className="rule-form" disabled={!mayWrite}>
        <Section title={t('limits.own')} marks={['limits']} summary={String(slot.value.length)}>
          <p className="muted field-note">{t('limits.note')}</p>
          <LimitFields slot={slot} />
        </Section>
      </fieldset>
      <LimitsUse service={drafting.service} />
    </Panel>
  )
}
