/** Which requests a route takes: only the conditions that are set, and a menu of the others. */
import type { FieldMatch, Route } from '@/api/types'
import { type Addition, AddMenu } from '@/ui/AddMenu'
import { ChoiceField, FieldRow, TagsField, TextField } from '@/ui/fields'
import { keyOf, replaced, successor, without } from '@/ui/rows'
import { useText } from '@/ui/useText'
import { FIELD_MATCH, HEADER_MATCH } from './draft/rules'
import { fieldsOf, given, type Slot } from './fields'

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']
const FIELDS = ['headers', 'query', 'cookies'] as const
const LISTS = ['methods', 'sources'] as const

type Match = Route['match']
type FieldList = (typeof FIELDS)[number]
export type MatchList = (typeof LISTS)[number]

type MatchFieldsProps = {
  slot: Slot<Match>
  sources: readonly string[]
  /** Lists that are shown although they are empty yet. */
  open: ReadonlySet<MatchList>
  onOpen: (name: MatchList, open: boolean) => void
}

export function MatchFields({ slot, sources, open, onOpen }: MatchFieldsProps) {
  const t = useText()
  const { value: match, onChange } = slot
  const field = fieldsOf(slot)
  const shows = (name: MatchList) => match[name].length > 0 || open.has(name)
  const addField = (name: FieldList) =>
    onChange({ ...match, [name]: [...match[name], { name: '', kind: 'exact', value: '', invert: false }] })
  const dropList = (name: MatchList) => {
    onChange({ ...match, [name]: [] })
    onOpen(name, false)
  }
  const additions: (Addition | false)[] = [
    !match.path && {
      label: t('match.path'),
      onAdd: () => onChange({ ...match, path: { kind: 'prefix', value: '/' } }),
    },
    !shows('methods') && { label: t('match.methods'), onAdd: () => onOpen('methods', true) },
    ...FIELDS.map((name) => ({ label: t(`match.of.${name}`), onAdd: () => addField(name) })),
    !shows('sources') && { label: t('match.sources'), onAdd: () => onOpen('sources', true) },
  ]
  return (
    <>
      {match.path && (
        <PathFields
          slot={given(field('path'), match.path)}
          onRemove={() => onChange({ ...match, path: null })}
        />
      )}
      {shows('methods') && (
        <FieldRow onRemove={() => dropList('methods')} removeLabel={t('match.methods.remove')}>
          <TagsField
            {...field('methods')}
            label={t('match.methods')}
            suggestions={METHODS}
            placeholder={t('match.methods.any')}
            upper
          />
        </FieldRow>
      )}
      {FIELDS.flatMap((name) =>
        match[name].map((condition, index) => (
          <ConditionFields
            key={keyOf(condition)}
            of={name}
            slot={{
              path: `${slot.path}.${name}.${index}`,
              shape: name === 'headers' ? HEADER_MATCH : FIELD_MATCH,
              value: condition,
              onChange: (next) =>
                onChange({ ...match, [name]: replaced(match[name], index, successor(condition, next)) }),
            }}
            onRemove={() => onChange({ ...match, [name]: without(match[name], index) })}
          />
        )),
      )}
      {shows('sources') && (
        <FieldRow onRemove={() => dropList('sources')} removeLabel={t('match.sources.remove')}>
          <TagsField
            {...field('sources')}
            label={t('match.sources')}
            suggestions={sources}
            placeholder="shop/frontend, tools/*"
          />
        </FieldRow>
      )}
      <AddMenu label={t('match.add')} additions={additions.filter((each) => each !== false)} quiet />
    </>
  )
}

type PathSlot = Slot<NonNullable<Match['path']>>

function PathFields({ slot, onRemove }: { slot: PathSlot; onRemove: () => void }) {
  const t = useText()
  const field = fieldsOf(slot)
  const { kind } = slot.value
  return (
    <FieldRow onRemove={onRemove} removeLabel={t('match.path.remove')}>
      <ChoiceField
        {...field('kind')}
        label={t('match.path')}
        options={(['exact', 'prefix', 'template', 'regex'] as const).map((value) => ({
          value,
          label: t(`match.path.${value}`),
        }))}
      />
      <TextField {...field('value')} label={t('match.path.value')} hint={t(`match.path.${kind}.hint`)} mono />
    </FieldRow>
  )
}

const TESTS = ['exact', 'prefix', 'regex', 'present'] as const
type Test = (typeof TESTS)[number] | `not-${(typeof TESTS)[number]}`
const ALL_TESTS: Test[] = TESTS.flatMap((kind): Test[] => [kind, `not-${kind}`])

type ConditionProps = { of: FieldList; slot: Slot<FieldMatch>; onRemove: () => void }

/** One condition on a header, parameter or cookie; its test and the test's opposite are one choice. */
function ConditionFields({ of, slot, onRemove }: ConditionProps) {
  const t = useText()
  const field = fieldsOf(slot)
  const { value: condition, onChange } = slot
  const test: Test = condition.invert ? `not-${condition.kind}` : condition.kind
  const setTest = (next: Test) => {
    const kind = next.replace('not-', '') as FieldMatch['kind']
    const value = kind === 'present' ? '' : condition.value
    onChange({ ...condition, kind, invert: next !== kind, value })
  }
  return (
    <FieldRow
      onRemove={onRemove}
      removeLabel={t('match.remove', { name: condition.name || t(`match.of.${of}`) })}
    >
      <TextField {...field('name')} label={t(`match.of.${of}`)} width={160} mono />
      <ChoiceField<Test>
        {...slot}
        path={`${slot.path}.kind`}
        value={test}
        onChange={setTest}
        label={t('match.test')}
        options={ALL_TESTS.map((value) => ({ value, label: t(`match.test.${value}`) }))}
      />
      {condition.kind !== 'present' && <TextField {...field('value')} label={t('match.value')} mono />}
    </FieldRow>
  )
}
