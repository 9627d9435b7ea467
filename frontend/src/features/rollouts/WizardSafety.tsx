import { Button, Checkbox, MultiSelect, Radio, Select, TagsInput, TextInput } from '@mantine/core'
import { IconPlus, IconTrash } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { queries } from '@/api/queries'
import { useMay, useMe } from '@/api/session'
import type { Notify, NotifyEvent, NotifyKind, OnFail, Safety, Sticky } from '@/api/types'
import { useText } from '@/ui/useText'
import { stepsOf } from './draft'
import type { StepProps } from './useWizard'

const OCCASIONS: NotifyEvent[] = ['started', 'paused', 'approval', 'failed', 'succeeded', 'rolled_back']
const DEADLINES = ['step_deadline', 'ack_deadline', 'warm', 'post_check'] as const
const DEAD_MAN = '5m'

/** Step 5: who must agree, what happens on failure, how long things may take, and who is told. */
export function WizardSafety({ draft, set, errors }: StepProps) {
  const t = useText()
  const { safety } = draft
  const change = (patch: Partial<Safety>) => set({ safety: { ...safety, ...patch } })
  return (
    <>
      <Radio.Group
        label={t('wizard.onFail')}
        value={draft.on_fail}
        error={errors.on_fail}
        onChange={(value) => set({ on_fail: value as OnFail })}
      >
        <div className="radio-stack">
          {(['rollback', 'freeze'] as const).map((value) => (
            <Radio
              key={value}
              value={value}
              label={t(`wizard.onFail.${value}`)}
              description={t(`wizard.onFail.${value}.means`, { stable: draft.stable })}
            />
          ))}
        </div>
      </Radio.Group>
      <Approvers draft={draft} set={set} errors={errors} />
      <fieldset className="wizard-fieldset">
        <legend>{t('wizard.deadlines')}</legend>
        <div className="deadlines">
          {DEADLINES.map((field) => (
            <TextInput
              key={field}
              label={t(`wizard.${field}`)}
              description={t(`wizard.${field}.means`)}
              value={safety[field]}
              error={errors[`safety.${field}`]}
              onChange={(event) => change({ [field]: event.currentTarget.value })}
            />
          ))}
        </div>
        <div className="metric-row">
          <Checkbox
            label={t('wizard.deadMan')}
            description={t('wizard.deadMan.means', { stable: draft.stable })}
            checked={safety.dead_man !== null}
            onChange={(event) => change({ dead_man: event.currentTarget.checked ? DEAD_MAN : null })}
          />
          {safety.dead_man !== null && (
            <TextInput
              size="xs"
              className="wizard-short"
              label={t('wizard.deadMan.after')}
              value={safety.dead_man}
              error={errors['safety.dead_man']}
              onChange={(event) => change({ dead_man: event.currentTarget.value })}
            />
          )}
        </div>
      </fieldset>
      <StickyFields
        sticky={safety.sticky}
        error={errors['safety.sticky']}
        onChange={(sticky) => change({ sticky })}
      />
      <Notifications notify={draft.notify} errors={errors} onChange={(notify) => set({ notify })} />
    </>
  )
}

function Approvers({ draft, set, errors }: Pick<StepProps, 'draft' | 'set' | 'errors'>) {
  const t = useText()
  const me = useMe().data
  const mayList = useMay('users.write')
  const users = useQuery({ ...queries.users(), enabled: mayList }).data ?? []
  const steps = stepsOf(draft)
  const asks = steps.some((step) => 'approve' in step)
  const addGate = () => {
    const last = steps.findLastIndex((step) => 'set_weight' in step)
    const at = last < 0 ? steps.length : last
    set({ steps: { ...draft.steps, [draft.strategy]: steps.toSpliced(at, 0, { approve: {} }) } })
  }
  return (
    <div>
      <TagsInput
        className="wizard-medium"
        label={t('wizard.approvers')}
        description={t('wizard.approvers.means')}
        placeholder={draft.approvers.length ? undefined : t('wizard.approvers.anybody')}
        value={draft.approvers}
        data={users.map(({ username }) => username).filter((name) => name !== me?.username)}
        error={errors.approvers}
        onChange={(approvers) => set({ approvers })}
      />
      {!asks && (
        <p className="muted wizard-note">
          {t('wizard.approvers.noStep')}{' '}
          <button type="button" className="link-button" onClick={addGate}>
            {t('wizard.approvers.addStep')}
          </button>
        </p>
      )}
    </div>
  )
}

const NOT_STICKY = 'none'

type StickyProps = {
  sticky: Sticky | null
  error: string | undefined
  onChange: (sticky: Sticky | null) => void
}

function StickyFields({ sticky, error, onChange }: StickyProps) {
  const t = useText()
  return (
    <div className="form-row">
      <Select
        className="wizard-wide"
        label={t('wizard.sticky')}
        description={t('wizard.sticky.means')}
        value={sticky?.kind ?? NOT_STICKY}
        data={[NOT_STICKY, 'cookie', 'header', 'source'].map((value) => ({
          value,
          label: t(`wizard.sticky.${value as 'none' | Sticky['kind']}`),
        }))}
        allowDeselect={false}
        error={error}
        onChange={(kind) =>
          onChange(
            !kind || kind === NOT_STICKY
              ? null
              : { kind: kind as Sticky['kind'], name: kind === 'source' ? '' : 'x-user', ttl_s: 0 },
          )
        }
      />
      {sticky && sticky.kind !== 'source' && (
        <TextInput
          label={t('wizard.match.name')}
          value={sticky.name}
          onChange={(event) => onChange({ ...sticky, name: event.currentTarget.value })}
        />
      )}
    </div>
  )
}

type NotificationsProps = {
  notify: Notify[]
  errors: Record<string, string>
  onChange: (notify: Notify[]) => void
}

function Notifications({ notify, errors, onChange }: NotificationsProps) {
  const t = useText()
  const replace = (index: number, patch: Partial<Notify>) =>
    onChange(notify.map((each, at) => (at === index ? { ...each, ...patch } : each)))
  return (
    <fieldset className="wizard-fieldset">
      <legend>{t('wizard.notify')}</legend>
      {notify.map((each, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a target has no identity but its place while it is typed
        <div key={index} className="notify-row">
          <Select
            size="xs"
            aria-label={t('wizard.notify.kind')}
            value={each.kind}
            data={(['webhook', 'slack', 'email'] as const).map((value) => ({
              value,
              label: t(`wizard.notify.${value}`),
            }))}
            allowDeselect={false}
            onChange={(kind) => replace(index, { kind: (kind ?? 'webhook') as NotifyKind })}
          />
          <TextInput
            size="xs"
            aria-label={t('wizard.notify.target')}
            placeholder={each.kind === 'email' ? 'oncall@example.org' : 'https://'}
            value={each.target}
            error={errors[`notify.${index}.target`]}
            onChange={(event) => replace(index, { target: event.currentTarget.value })}
          />
          <MultiSelect
            size="xs"
            aria-label={t('wizard.notify.on')}
            value={each.on}
            data={OCCASIONS.map((value) => ({ value, label: t(`wizard.occasion.${value}`) }))}
            error={errors[`notify.${index}.on`]}
            onChange={(on) => replace(index, { on: on as NotifyEvent[] })}
          />
          <Button
            size="xs"
            variant="default"
            aria-label={t('wizard.notify.remove', { target: each.target })}
            onClick={() => onChange(notify.filter((_, at) => at !== index))}
          >
            <IconTrash size={14} />
          </Button>
        </div>
      ))}
      <div>
        <Button
          size="xs"
          variant="default"
          leftSection={<IconPlus size={14} />}
          onClick={() => onChange([...notify, { kind: 'webhook', target: '', on: OCCASIONS.slice(1) }])}
        >
          {t('wizard.notify.add')}
        </Button>
      </div>
    </fieldset>
  )
}
