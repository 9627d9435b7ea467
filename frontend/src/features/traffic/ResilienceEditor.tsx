/** How callers of a service choose its instances and guard themselves; what is not as usual is marked. */
import { Switch } from '@mantine/core'
import type { ReactNode } from 'react'
import type { Resilience } from '@/api/types'
import type { TextKey } from '@/text'
import { ChoiceField, FieldRow, TextField } from '@/ui/fields'
import { Panel } from '@/ui/Panel'
import { useText } from '@/ui/useText'
import { groupWords, settingWords } from './draft/changes'
import { RESILIENCE } from './draft/rules'
import { compact, fieldOf, same, usual } from './draft/shape'
import { DurationField, fieldsOf, given, NumberField, type Slot } from './fields'
import { Section } from './Section'
import type { Drafting } from './useRules'

const POLICIES = ['least_request', 'peak_ewma', 'round_robin', 'random', 'maglev'] as const
const HASHED = ['source', 'cookie', 'header'] as const

type EditorProps = { drafting: Drafting; mayWrite: boolean; tcp: boolean }

export function ResilienceEditor({ drafting, mayWrite, tcp }: EditorProps) {
  const t = useText()
  const value = drafting.rules.resilience
  const slot: Slot<Resilience> = {
    path: 'resilience',
    shape: RESILIENCE,
    value,
    onChange: (next) => drafting.set('resilience', next),
  }
  const unusual = unusualCount(value)
  return (
    <Panel
      title={t('resilience.title')}
      aside={t(unusual ? 'resilience.unusual' : 'resilience.usual', { count: unusual, n: unusual })}
      flush
    >
      <fieldset className="rule-form" disabled={!mayWrite}>
        <Group slot={slot} name="connect_timeout_ms">
          <Setting slot={fieldsOf(slot)('connect_timeout_ms')} />
        </Group>
        <BalancerGroup slot={slot} />
        <Group slot={slot} name="breaker">
          <Settings
            slot={fieldsOf(slot)('breaker')}
            names={['connections', 'pending', 'requests', 'retries']}
          />
        </Group>
        <Group slot={slot} name="retry_budget" switchable>
          {value.retry_budget && (
            <Settings
              slot={given(fieldsOf(slot)('retry_budget'), value.retry_budget)}
              names={['percent', 'min']}
            />
          )}
        </Group>
        <Group slot={slot} name="outlier" switchable>
          {value.outlier && (
            <Settings
              slot={given(fieldsOf(slot)('outlier'), value.outlier)}
              names={[
                'consecutive_5xx',
                'consecutive_gateway',
                'eject_ms',
                'eject_max_ms',
                'interval_ms',
                'max_percent',
              ]}
            />
          )}
        </Group>
        <HealthGroup slot={slot} />
        {tcp && (
          <Group slot={slot} name="idle_timeout_ms">
            <Setting slot={fieldsOf(slot)('idle_timeout_ms')} />
          </Group>
        )}
      </fieldset>
    </Panel>
  )
}

function unusualCount(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1
  const short = compact(RESILIENCE, value)
  const count = (part: unknown): number =>
    typeof part === 'object' && part !== null
      ? Math.max(
          1,
          Object.values(part).reduce((sum: number, each) => sum + count(each), 0),
        )
      : 1
  return short === undefined ? 0 : count(short)
}

type GroupProps = {
  slot: Slot<Resilience>
  name: keyof Resilience
  switchable?: boolean
  children: ReactNode
}

function Group({ slot, name, switchable, children }: GroupProps) {
  const t = useText()
  const part = fieldsOf(slot)(name) as Slot<unknown>
  const shape = fieldOf(RESILIENCE, name)
  const isUsual = same(part.value, usual(shape))
  const title = t(`resilience.${name}`)
  const off = part.value === null
  const turn = (on: boolean) => part.onChange(on && shape.kind === 'maybe' ? usual(shape.of) : null)
  return (
    <Section
      title={title}
      marks={[part.path]}
      says={name === 'balancer' ? [part.path, `${part.path}.hash`] : name.endsWith('_ms') ? [] : undefined}
      summary={groupWords(name, part.value, t)}
      folded={isUsual && !off}
    >
      {switchable && (
        <Switch
          size="xs"
          label={t(off ? `resilience.${name as 'outlier'}.off` : `resilience.${name as 'outlier'}.on`)}
          checked={!off}
          onChange={(event) => turn(event.currentTarget.checked)}
        />
      )}
      {children}
    </Section>
  )
}

function BalancerGroup({ slot }: { slot: Slot<Resilience> }) {
  const t = useText()
  const balancer = fieldsOf(slot)('balancer')
  const field = fieldsOf(balancer)
  const hash = fieldsOf(field('hash'))
  const { policy } = balancer.value
  const setPolicy = (next: (typeof POLICIES)[number]) =>
    balancer.onChange({
      ...balancer.value,
      policy: next,
      hash: next === 'maglev' ? balancer.value.hash : { kind: 'source', name: '' },
    })
  return (
    <Group slot={slot} name="balancer">
      <FieldRow>
        <Marked slot={field('policy')}>
          <ChoiceField
            {...field('policy')}
            onChange={setPolicy}
            label={t('resilience.balancer.policy')}
            width={208}
            options={POLICIES.map((value) => ({ value, label: t(`policy.${value}`) }))}
          />
        </Marked>
        {policy === 'maglev' && (
          <>
            <ChoiceField
              {...hash('kind')}
              onChange={(kind) =>
                field('hash').onChange({ kind, name: kind === 'source' ? '' : field('hash').value.name })
              }
              label={t('resilience.balancer.hash.kind')}
              options={HASHED.map((value) => ({ value, label: t(`sticky.${value}`) }))}
            />
            {hash('kind').value !== 'source' && (
              <TextField {...hash('name')} label={t('resilience.balancer.hash.name')} width={160} mono />
            )}
          </>
        )}
        <Setting slot={field('slow_start_ms')} />
        <Setting slot={field('panic_percent')} />
      </FieldRow>
    </Group>
  )
}

function HealthGroup({ slot }: { slot: Slot<Resilience> }) {
  const t = useText()
  const check = slot.value.health_check
  if (!check) {
    return (
      <Group slot={slot} name="health_check" switchable>
        {null}
      </Group>
    )
  }
  const own = given(fieldsOf(slot)('health_check'), check)
  const field = fieldsOf(own)
  return (
    <Group slot={slot} name="health_check" switchable>
      <FieldRow>
        <ChoiceField
          {...field('kind')}
          onChange={(kind) => own.onChange({ ...check, kind, path: kind === 'tcp' ? '/' : check.path })}
          label={t('resilience.health_check.kind')}
          width={104}
          options={[
            { value: 'http', label: 'HTTP' },
            { value: 'tcp', label: 'TCP' },
          ]}
        />
        {check.kind === 'http' && (
          <TextField {...field('path')} label={t('resilience.health_check.path')} width={208} mono />
        )}
      </FieldRow>
      <Settings slot={own} names={['interval_ms', 'timeout_ms', 'healthy', 'unhealthy', 'jitter_percent']} />
    </Group>
  )
}

type NumberOf<T> = { [K in keyof T]: T[K] extends number ? K : never }[keyof T] & string
type SettingsProps<T> = { slot: Slot<T>; names: readonly NumberOf<T>[] }

function Settings<T extends object>({ slot, names }: SettingsProps<T>) {
  const field = fieldsOf(slot)
  return (
    <FieldRow>
      {names.map((name) => (
        <Setting key={name} slot={field(name) as unknown as Slot<number>} />
      ))}
    </FieldRow>
  )
}

/** A number that has a default: shown as a duration, a share or a count, by its name. */
function Setting({ slot }: { slot: Slot<number> }) {
  const t = useText()
  const label = t(slot.path as TextKey)
  return (
    <Marked slot={slot}>
      {slot.path.endsWith('_ms') ? (
        <DurationField {...slot} label={label} width={144} />
      ) : (
        <NumberField {...slot} label={label} width={144} suffix={suffixOf(slot.path)} />
      )}
    </Marked>
  )
}

const suffixOf = (path: string) => (path.endsWith('percent') ? ' %' : undefined)

/** Marks a value that is not the usual one, says which that is, and brings it back. */
function Marked<T>({ slot, children }: { slot: Slot<T>; children: ReactNode }) {
  const t = useText()
  const normal = usual(slot.shape) as T
  if (same(slot.value, normal)) return <div className="setting">{children}</div>
  return (
    <div className="setting" data-changed>
      {children}
      <button type="button" className="link-button reset-link" onClick={() => slot.onChange(normal)}>
        {t('resilience.reset', { value: settingWords(slot.path, normal, t) })}
      </button>
    </div>
  )
}
