import { Button } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { queries } from '@/api/queries'
import { useFaults } from '@/ui/fields'
import { Panel } from '@/ui/Panel'
import { keyOf, replaced, successor, without } from '@/ui/rows'
import { useText } from '@/ui/useText'
import { newRule, type PolicyDraft, type RuleDraft } from './draft/policy'
import { RuleCard } from './RuleCard'

type RulesEditorProps = { value: PolicyDraft; onChange: (value: PolicyDraft) => void; mayWrite: boolean }

export function RulesEditor({ value, onChange, mayWrite }: RulesEditorProps) {
  const t = useText()
  const { rules, action } = value
  const services = useQuery(queries.services()).data ?? []
  const gateways = useQuery(queries.gateways()).data ?? []
  const names = [...services, ...gateways].map(({ id }) => id).sort()
  const namespaces = [...new Set(names.map((id) => id.split('/')[0] ?? ''))]
  const [open, setOpen] = useState<ReadonlySet<number>>(
    () => new Set(rules.length === 1 ? [keyOfFirst(rules)] : []),
  )
  const own = useFaults().find(({ path }) => path === 'rules')
  const set = (next: RuleDraft[]) => onChange({ ...value, rules: next })
  const add = (rule: RuleDraft) => {
    set([...rules, rule])
    setOpen(new Set([...open, keyOf(rule)]))
  }
  const toggle = (key: number) =>
    setOpen(open.has(key) ? new Set([...open].filter((each) => each !== key)) : new Set([...open, key]))
  return (
    <Panel title={t('sec.rules')} aside={<span>{t(`sec.rules.${action}`)}</span>} flush>
      {rules.length === 0 && (
        <p className={action === 'deny' ? 'sec-note text-failing' : 'sec-note'}>
          {action === 'allow' ? t('sec.rules.none') : (own?.message ?? t('sec.flaw.denyNothing'))}
        </p>
      )}
      <ol className="sec-rules">
        {rules.map((rule, index) => (
          <RuleCard
            key={keyOf(rule)}
            index={index}
            rule={rule}
            action={action}
            services={names}
            namespaces={namespaces}
            mayWrite={mayWrite}
            open={open.has(keyOf(rule))}
            onToggle={() => toggle(keyOf(rule))}
            onChange={(next) => set(replaced(rules, index, successor(rule, next)))}
            onDuplicate={() => add(structuredClone(rule))}
            onRemove={() => set(without(rules, index))}
          />
        ))}
      </ol>
      {mayWrite && (
        <div className="sec-note">
          <Button
            size="xs"
            variant="default"
            leftSection={<IconPlus size={14} />}
            onClick={() => add(newRule())}
          >
            {t('sec.rules.add')}
          </Button>
        </div>
      )}
    </Panel>
  )
}

function keyOfFirst([first]: readonly RuleDraft[]): number {
  return first ? keyOf(first) : 0
}
