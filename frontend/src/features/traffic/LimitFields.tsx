/** Rate limits, of a route or of a service. */
import { Button } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import type { RateLimit } from '@/api/types'
import { ChoiceField, FieldRow, TagsField, TextField } from '@/ui/fields'
import { freshName, keyOf, replaced, successor, without } from '@/ui/rows'
import { useText } from '@/ui/useText'
import { newLimit } from './draft/rules'
import { DurationField, fieldsOf, NumberField, type Slot } from './fields'

const KEYS = ['source', 'header:x-user', 'header:authorization']

export function LimitFields({ slot }: { slot: Slot<RateLimit[]> }) {
  const t = useText()
  const { path, shape, value: limits, onChange } = slot
  const taken = limits.map(({ name }) => name)
  return (
    <>
      {limits.map((limit, index) => (
        <OneLimit
          key={keyOf(limit)}
          slot={{
            path: `${path}.${index}`,
            shape: shape.kind === 'list' ? shape.of : shape,
            value: limit,
            onChange: (next) => onChange(replaced(limits, index, successor(limit, next))),
          }}
          onRemove={() => onChange(without(limits, index))}
        />
      ))}
      <div>
        <Button
          size="compact-xs"
          variant="subtle"
          leftSection={<IconPlus size={12} />}
          onClick={() => onChange([...limits, newLimit(freshName('limit', taken))])}
        >
          {t('limit.add')}
        </Button>
      </div>
    </>
  )
}

function OneLimit({ slot, onRemove }: { slot: Slot<RateLimit>; onRemove: () => void }) {
  const t = useText()
  const field = fieldsOf(slot)
  return (
    <FieldRow onRemove={onRemove} removeLabel={t('limit.remove', { name: slot.value.name })}>
      <TextField {...field('name')} label={t('limit.name')} width={128} />
      <NumberField {...field('requests')} label={t('limit.requests')} />
      <DurationField {...field('per_ms')} label={t('limit.per')} />
      <NumberField {...field('burst')} label={t('limit.burst')} hint={t('limit.burst.hint')} />
      <ChoiceField
        {...field('scope')}
        onChange={(scope) =>
          slot.onChange({ ...slot.value, scope, on_error: scope === 'local' ? 'allow' : slot.value.on_error })
        }
        label={t('limit.scope')}
        options={(['local', 'global'] as const).map((value) => ({ value, label: t(`limit.scope.${value}`) }))}
      />
      {slot.value.scope === 'global' && (
        <ChoiceField
          {...field('on_error')}
          label={t('limit.onError')}
          options={(['allow', 'deny'] as const).map((value) => ({
            value,
            label: t(`limit.onError.${value}`),
          }))}
        />
      )}
      <TagsField {...field('by')} label={t('limit.by')} suggestions={KEYS} placeholder={t('limit.by.all')} />
    </FieldRow>
  )
}
