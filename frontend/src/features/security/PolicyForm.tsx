import { Autocomplete, SegmentedControl } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { queries } from '@/api/queries'
import type { PolicyAction, PolicyMode } from '@/api/types'
import { FIELD_ORDER, faultUnder, TextField, useFaults } from '@/ui/fields'
import { Panel } from '@/ui/Panel'
import { useText } from '@/ui/useText'
import { CheckFields } from './CheckFields'
import { newCheck, type PolicyDraft } from './draft/policy'
import type { Drafting } from './usePolicyDraft'

const ACTIONS: PolicyAction[] = ['allow', 'deny', 'external']
const MODES: PolicyMode[] = ['shadow', 'enforce']

/** What a policy is beside its rules. */
export function PolicyForm({ drafting, mayWrite }: { drafting: Drafting; mayWrite: boolean }) {
  const t = useText()
  const { value, set, standing } = drafting
  const patch = (change: Partial<PolicyDraft>) => set({ ...value, ...change })
  return (
    <Panel label={t('sec.policy.basics')}>
      <fieldset className="stack" disabled={!mayWrite} aria-label={t('sec.policy.basics')}>
        <div className="field-row-fields">
          {!standing && (
            <TextField
              path="name"
              label={t('sec.policy.name')}
              value={value.name}
              onChange={(name) => patch({ name })}
              placeholder="catalog-readers"
              hint={t('sec.policy.name.hint')}
              width={232}
            />
          )}
          <TargetField value={value.target} onChange={(target) => patch({ target })} />
          <TextField
            path="description"
            label={t('sec.policy.description')}
            value={value.description}
            onChange={(description) => patch({ description })}
          />
        </div>
        <div className="sec-choices">
          <Choice
            label={t('sec.policy.action')}
            value={value.action}
            options={ACTIONS.map((each) => ({ value: each, label: t(`sec.action.${each}`) }))}
            hint={t(`sec.action.${value.action}.hint`)}
            onChange={(action) => patch({ action })}
          />
          <Choice
            label={t('sec.policy.mode')}
            value={value.mode}
            options={MODES.map((each) => ({ value: each, label: t(`sec.mode.${each}`) }))}
            hint={t(`sec.mode.${value.mode}.hint`)}
            onChange={(mode) => patch({ mode })}
          />
        </div>
        {value.action === 'external' && (
          <CheckFields check={value.check ?? newCheck()} onChange={(check) => patch({ check })} />
        )}
      </fieldset>
    </Panel>
  )
}

function TargetField({ value, onChange }: { value: string; onChange: (target: string) => void }) {
  const t = useText()
  const error = faultUnder(useFaults(), 'target')
  const services = useQuery(queries.services()).data ?? []
  const gateways = useQuery(queries.gateways()).data ?? []
  const namespaces = [...new Set(services.map(({ namespace }) => namespace))].sort()
  return (
    <Autocomplete
      size="xs"
      w={232}
      label={t('sec.policy.target')}
      description={t('sec.policy.target.hint')}
      inputWrapperOrder={FIELD_ORDER}
      value={value}
      error={error}
      placeholder="shop/catalog"
      classNames={{ input: 'mono' }}
      spellCheck={false}
      data={[
        { group: t('sec.target.services'), items: services.map(({ id }) => id) },
        { group: t('sec.target.wide'), items: [...namespaces.map((name) => `${name}/*`), '*'] },
        { group: t('sec.target.gateways'), items: gateways.map(({ id }) => id) },
      ]}
      onChange={onChange}
    />
  )
}

type ChoiceProps<T extends string> = {
  label: string
  value: T
  options: { value: T; label: string }[]
  hint: string
  onChange: (value: T) => void
}

function Choice<T extends string>({ label, value, options, hint, onChange }: ChoiceProps<T>) {
  return (
    <div className="sec-choice">
      <span className="sec-label">{label}</span>
      <SegmentedControl
        size="xs"
        aria-label={label}
        value={value}
        data={options}
        onChange={(next) => onChange(next as T)}
      />
      <p className="muted field-note">{hint}</p>
    </div>
  )
}
