/** Keep something untold for a while: one alert, a rule, or all of a namespace. */
import { Select } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { ALERTS, createSilence } from '@/api/incidents'
import { allows, useMe } from '@/api/session'
import type { Alert, AlertRule, NewSilence } from '@/api/types'
import type { Translate } from '@/text'
import { FormDialog } from '@/ui/FormDialog'
import { useText } from '@/ui/useText'
import { RULES, ruleWords, titleWords } from './parts'

const MINUTES = ['30', '60', '240', '1440', '10080'] as const
type Minutes = (typeof MINUTES)[number]
type Scope = 'this' | 'rule' | 'namespace'
/** What is left out matches everything. */
type Matching = Partial<Pick<NewSilence, 'rule' | 'object' | 'namespace'>>

/** What a choice silences. */
export function matching(alert: Alert, scope: Scope): Matching {
  const rule = alert.rule as AlertRule
  const { namespace, object } = alert
  if (scope === 'this') return { rule, object, namespace }
  return scope === 'rule' ? { rule, namespace } : { namespace }
}

export function SilenceAlert({ alert }: { alert: Alert }) {
  const t = useText()
  const [scope, setScope] = useState<Scope>('this')
  return (
    <SilenceForm
      label={t('alerts.silence')}
      title={t('alerts.silence.of', { title: titleWords(alert, t) })}
      namespace={alert.namespace}
      compact
      what={matching(alert, scope)}
    >
      <Select
        label={t('alerts.silence.scope')}
        value={scope}
        data={scopesOf(alert, t)}
        allowDeselect={false}
        onChange={(next) => setScope((next ?? 'this') as Scope)}
      />
    </SilenceForm>
  )
}

function scopesOf({ rule, namespace }: Alert, t: Translate) {
  const where = namespace || t('alerts.ofMesh')
  return [
    { value: 'this', label: t('alerts.silence.scope.this') },
    {
      value: 'rule',
      label: t('alerts.silence.scope.rule', { rule: ruleWords(rule, t), namespace: where }),
    },
    // Of the mesh that would be everything there is.
    ...(namespace ? [{ value: 'namespace', label: t('alerts.silence.scope.namespace', { namespace }) }] : []),
  ]
}

/** A silence of a namespace, or of the mesh for who may. */
export function NewSilenceButton({ namespaces }: { namespaces: readonly string[] }) {
  const t = useText()
  const me = useMe().data
  const mayAll = allows(me, 'traffic.write')
  const known = namespaces.filter((name) => allows(me, 'traffic.write', name))
  const [namespace, setNamespace] = useState<string | null>(null)
  const [rule, setRule] = useState<AlertRule>('')
  const chosen = namespace ?? (mayAll ? '' : (known[0] ?? ''))
  const all = { value: '', label: t('alerts.silence.namespace.all') }
  return (
    <SilenceForm
      label={t('alerts.silence.new')}
      title={t('alerts.silence.new')}
      namespace={chosen}
      what={{ namespace: chosen, rule }}
    >
      <Select
        label={t('alerts.silence.namespace')}
        value={chosen}
        data={[...(mayAll ? [all] : []), ...known.map((name) => ({ value: name, label: name }))]}
        allowDeselect={false}
        onChange={(next) => setNamespace(next)}
      />
      <Select
        label={t('alerts.rule')}
        value={rule}
        data={[
          { value: '', label: t('alerts.silence.rule.all') },
          ...RULES.map((each) => ({ value: each, label: ruleWords(each, t) })),
        ]}
        allowDeselect={false}
        onChange={(next) => setRule((next ?? '') as AlertRule)}
      />
    </SilenceForm>
  )
}

type SilenceFormProps = {
  label: string
  title: string
  namespace: string
  what: Matching
  compact?: boolean
  children: React.ReactNode
}

function SilenceForm({ label, title, namespace, what, compact, children }: SilenceFormProps) {
  const t = useText()
  const cache = useQueryClient()
  const mayWrite = allows(useMe().data, 'traffic.write', namespace || undefined)
  const [minutes, setMinutes] = useState<Minutes>('60')
  return (
    <FormDialog
      label={label}
      title={title}
      submit={t('alerts.silence')}
      compact={compact}
      reasonRequired
      blocked={mayWrite ? undefined : t('alerts.blocked')}
      apply={(reason) => createSilence({ ...what, minutes: Number(minutes), reason } as NewSilence)}
      onDone={() => cache.invalidateQueries({ queryKey: [ALERTS] })}
    >
      {() => (
        <>
          {children}
          <Select
            label={t('alerts.silence.for')}
            description={t('alerts.silence.hint')}
            value={minutes}
            data={MINUTES.map((each) => ({ value: each, label: t(`alerts.silence.minutes.${each}`) }))}
            allowDeselect={false}
            onChange={(next) => setMinutes((next ?? '60') as Minutes)}
          />
        </>
      )}
    </FormDialog>
  )
}
