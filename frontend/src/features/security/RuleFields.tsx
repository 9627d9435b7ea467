/** The fields of a rule: only the conditions that are set, and a menu of the others. */
import { Button, Checkbox, TextInput } from '@mantine/core'
import { useState } from 'react'
import type { PolicyWhen } from '@/api/types'
import type { TextKey } from '@/text'
import { type Addition, AddMenu } from '@/ui/AddMenu'
import { FIELD_ORDER, FieldRow, faultUnder, TagsField, TextField, useFaults } from '@/ui/fields'
import { keyOf, replaced, successor, without } from '@/ui/rows'
import { useText } from '@/ui/useText'
import { isForNobody } from './draft/flaws'
import { FROM_LISTS, type FromList, type RuleDraft, TO_LISTS, type ToList } from './draft/policy'
import { clock, dayName } from './draft/words'
import { TokenFields } from './TokenFields'

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']
/** Shown also while they are empty: what nearly every rule says. */
const USUAL_FROM: readonly FromList[] = ['services']
const USUAL_TO: readonly ToList[] = ['methods', 'paths']
const DAYS = [0, 1, 2, 3, 4, 5, 6]

type List = FromList | ToList
const PLACEHOLDER: Partial<Record<List, string>> = {
  services: 'shop/frontend, shop/*',
  not_services: 'shop/frontend, shop/*',
  namespaces: 'platform',
  not_namespaces: 'platform',
  cidrs: '10.0.0.0/8',
  not_cidrs: '10.0.0.0/8',
  methods: 'GET',
  not_methods: 'DELETE',
  paths: '/items/*, /orders/{id}, *.json',
  not_paths: '/admin/*',
  hosts: 'catalog.shop.mesh, *.example.org',
  not_hosts: '*.example.org',
  ports: '8080',
  not_ports: '9090',
}

type RuleFieldsProps = {
  path: string
  rule: RuleDraft
  services: readonly string[]
  namespaces: readonly string[]
  onChange: (rule: RuleDraft) => void
}

export function RuleFields({ path, rule, services, namespaces, onChange }: RuleFieldsProps) {
  const t = useText()
  const patterns = [...services, ...namespaces.map((name) => `${name}/*`)]
  const suggestions: Partial<Record<List, readonly string[]>> = {
    services: patterns,
    not_services: patterns,
    namespaces,
    not_namespaces: namespaces,
    methods: METHODS,
    not_methods: METHODS,
  }
  return (
    <>
      <Part title={t('sec.rule.who')}>
        <Lists
          path={`${path}.from`}
          names={FROM_LISTS}
          usual={USUAL_FROM}
          value={rule.from}
          suggestions={suggestions}
          onChange={(from) => onChange({ ...rule, from: { ...rule.from, ...from } })}
        />
        <TokenFields
          path={`${path}.from.jwt`}
          token={rule.from.jwt}
          onChange={(jwt) => onChange({ ...rule, from: { ...rule.from, jwt } })}
        />
        {isForNobody(rule.from) && <p className="notice notice-degraded">{t('sec.rule.forNobody')}</p>}
      </Part>
      <Part title={t('sec.rule.what')}>
        <Lists
          path={`${path}.to`}
          names={TO_LISTS}
          usual={USUAL_TO}
          value={rule.to}
          suggestions={suggestions}
          onChange={(to) => onChange({ ...rule, to: { ...rule.to, ...to } })}
        />
      </Part>
      <Part title={t('sec.rule.when')}>
        <WhenFields
          path={`${path}.when`}
          conditions={rule.when}
          onChange={(when) => onChange({ ...rule, when })}
        />
        {rule.hours && (
          <HoursFields
            path={`${path}.hours`}
            hours={rule.hours}
            onChange={(hours) => onChange({ ...rule, hours })}
          />
        )}
        <div className="row">
          <Button
            size="compact-xs"
            variant="subtle"
            onClick={() => onChange({ ...rule, when: [...rule.when, { header: '', in: [], not_in: [] }] })}
          >
            {t('sec.rule.addHeader')}
          </Button>
          {!rule.hours && (
            <Button
              size="compact-xs"
              variant="subtle"
              onClick={() => onChange({ ...rule, hours: { start: 540, end: 1020, days: [0, 1, 2, 3, 4] } })}
            >
              {t('sec.rule.addHours')}
            </Button>
          )}
        </div>
      </Part>
    </>
  )
}

function Part({ title, children }: { title: string; children: React.ReactNode }) {
  return (
    <section className="sec-part" aria-label={title}>
      <h4>{title}</h4>
      <div className="sec-part-body">{children}</div>
    </section>
  )
}

type ListsProps<K extends List> = {
  path: string
  names: readonly K[]
  usual: readonly K[]
  value: Record<K, string[]>
  suggestions: Partial<Record<List, readonly string[]>>
  onChange: (value: Record<K, string[]>) => void
}

function Lists<K extends List>({ path, names, usual, value, suggestions, onChange }: ListsProps<K>) {
  const t = useText()
  const [opened, setOpened] = useState<readonly K[]>([])
  const isShown = (name: K) => value[name].length > 0 || usual.includes(name) || opened.includes(name)
  const additions: Addition[] = names
    .filter((name) => !isShown(name))
    .map((name) => ({ label: t(labelOf(name)), onAdd: () => setOpened([...opened, name]) }))
  const drop = (name: K) => {
    onChange({ ...value, [name]: [] })
    setOpened(opened.filter((each) => each !== name))
  }
  return (
    <>
      {names.filter(isShown).map((name) => (
        <FieldRow
          key={name}
          onRemove={usual.includes(name) ? undefined : () => drop(name)}
          removeLabel={t('sec.rule.removeCondition', { condition: t(labelOf(name)) })}
        >
          <TagsField
            path={`${path}.${name}`}
            value={value[name]}
            onChange={(next) => onChange({ ...value, [name]: next })}
            label={t(labelOf(name))}
            hint={name === 'paths' ? t('sec.rule.paths.hint') : undefined}
            suggestions={suggestions[name]}
            placeholder={
              usual.includes(name)
                ? t('sec.rule.any', { example: PLACEHOLDER[name] ?? '' })
                : PLACEHOLDER[name]
            }
            upper={name === 'methods' || name === 'not_methods'}
          />
        </FieldRow>
      ))}
      {additions.length > 0 && <AddMenu label={t('sec.rule.addCondition')} additions={additions} quiet />}
    </>
  )
}

export function labelOf(list: List): TextKey {
  return `sec.list.${list}`
}

type WhenProps = { path: string; conditions: PolicyWhen[]; onChange: (conditions: PolicyWhen[]) => void }

function WhenFields({ path, conditions, onChange }: WhenProps) {
  const t = useText()
  return conditions.map((condition, index) => {
    const set = (patch: Partial<PolicyWhen>) =>
      onChange(replaced(conditions, index, successor(condition, { ...condition, ...patch })))
    return (
      <FieldRow
        key={keyOf(condition)}
        onRemove={() => onChange(without(conditions, index))}
        removeLabel={t('sec.rule.removeCondition', { condition: condition.header || t('sec.rule.header') })}
      >
        <TextField
          path={`${path}.${index}.header`}
          value={condition.header}
          onChange={(header) => set({ header })}
          label={t('sec.rule.header')}
          placeholder="x-tier"
          width={168}
          mono
        />
        <TagsField
          path={`${path}.${index}.in`}
          value={condition.in}
          onChange={(next) => set({ in: next })}
          label={t('sec.rule.in')}
          placeholder="gold"
        />
        <TagsField
          path={`${path}.${index}.not_in`}
          value={condition.not_in}
          onChange={(next) => set({ not_in: next })}
          label={t('sec.rule.notIn')}
        />
      </FieldRow>
    )
  })
}

type Hours = NonNullable<RuleDraft['hours']>
type HoursProps = { path: string; hours: Hours; onChange: (hours: Hours | null) => void }

function HoursFields({ path, hours, onChange }: HoursProps) {
  const t = useText()
  return (
    <FieldRow
      onRemove={() => onChange(null)}
      removeLabel={t('sec.rule.removeCondition', { condition: t('sec.rule.hours') })}
    >
      <ClockField
        path={`${path}.start`}
        label={t('sec.rule.start')}
        value={hours.start}
        onChange={(start) => onChange({ ...hours, start })}
      />
      <ClockField
        path={`${path}.end`}
        label={t('sec.rule.end')}
        value={hours.end}
        onChange={(end) => onChange({ ...hours, end })}
      />
      <fieldset className="sec-days">
        <legend>{t('sec.rule.days')}</legend>
        <div className="row">
          {DAYS.map((day) => (
            <Checkbox
              key={day}
              size="xs"
              label={dayName(day)}
              aria-label={dayName(day, 'long')}
              checked={hours.days.includes(day)}
              onChange={(event) =>
                onChange({
                  ...hours,
                  days: event.currentTarget.checked
                    ? [...hours.days, day].sort((a, b) => a - b)
                    : hours.days.filter((each) => each !== day),
                })
              }
            />
          ))}
        </div>
      </fieldset>
    </FieldRow>
  )
}

type ClockProps = { path: string; label: string; value: number; onChange: (minutes: number) => void }

const DAY_MIN = 1440

/** A time of the day as a clock shows it; midnight at the end of a day is 24:00. */
function ClockField({ path, label, value, onChange }: ClockProps) {
  const t = useText()
  const fault = faultUnder(useFaults(), path)
  const [typed, setTyped] = useState<string | null>(null)
  const isUnreadable = typed !== null && minutesOf(typed) === null
  return (
    <TextInput
      size="xs"
      w={88}
      label={label}
      inputWrapperOrder={FIELD_ORDER}
      value={typed ?? clock(value)}
      error={isUnreadable ? t('sec.flaw.clock') : fault}
      autoComplete="off"
      onChange={(event) => {
        const text = event.currentTarget.value
        setTyped(text)
        const minutes = minutesOf(text)
        if (minutes !== null) onChange(minutes)
      }}
      onBlur={() => !isUnreadable && setTyped(null)}
    />
  )
}

export function minutesOf(text: string): number | null {
  const found = /^(\d{1,2}):(\d{2})$/.exec(text.trim())
  if (!found) return null
  const minutes = Number(found[1]) * 60 + Number(found[2])
  return Number(found[2]) < 60 && minutes <= DAY_MIN ? minutes : null
}
