import { ActionIcon } from '@mantine/core'
import { IconChevronDown, IconChevronRight, IconCopy, IconTrash } from '@tabler/icons-react'
import type { PolicyAction } from '@/api/types'
import { faultsUnder, useFaults } from '@/ui/fields'
import { ToneMark } from '@/ui/Mark'
import { useText } from '@/ui/useText'
import { type RuleDraft, ruleOf } from './draft/policy'
import { ruleWords } from './draft/words'
import { RuleFields } from './RuleFields'

type RuleCardProps = {
  index: number
  rule: RuleDraft
  action: PolicyAction
  services: readonly string[]
  namespaces: readonly string[]
  mayWrite: boolean
  open: boolean
  onToggle: () => void
  onChange: (rule: RuleDraft) => void
  onDuplicate: () => void
  onRemove: () => void
}

/** A rule: one sentence while it is closed, all of its fields when it is open. */
export function RuleCard(props: RuleCardProps) {
  const { index, rule, action, mayWrite, open } = props
  const t = useText()
  const path = `rules.${index}`
  const faults = faultsUnder(useFaults(), path)
  const Chevron = open ? IconChevronDown : IconChevronRight
  const place = { place: index + 1 }
  return (
    <li className="sec-rule" data-open={open || undefined}>
      <div className="sec-rule-head">
        <button type="button" className="sec-rule-title" aria-expanded={open} onClick={props.onToggle}>
          <Chevron size={14} aria-hidden="true" />
          <span className="muted">{index + 1}</span>
          <span className="sec-sentence">{ruleWords(ruleOf(rule), action, t)}</span>
        </button>
        {faults.length > 0 && (
          <ToneMark tone="failing" label={t('sec.errors', { count: faults.length, n: faults.length })} />
        )}
        {mayWrite && (
          <span className="row">
            <ActionIcon
              variant="subtle"
              color="gray"
              aria-label={t('sec.rule.duplicate', place)}
              onClick={props.onDuplicate}
            >
              <IconCopy size={14} />
            </ActionIcon>
            <ActionIcon
              variant="subtle"
              color="gray"
              aria-label={t('sec.rule.remove', place)}
              onClick={props.onRemove}
            >
              <IconTrash size={14} />
            </ActionIcon>
          </span>
        )}
      </div>
      {open && (
        <fieldset className="sec-rule-form" disabled={!mayWrite} aria-label={t('sec.rule.form', place)}>
          <RuleFields
            path={path}
            rule={rule}
            services={props.services}
            namespaces={props.namespaces}
            onChange={props.onChange}
          />
        </fieldset>
      )}
    </li>
  )
}
