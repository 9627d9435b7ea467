/** What a route may do beside its action, each part as one entry: when it is set, how it is added, shown and said. */
import { Button } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import type { HeaderOps, Route } from '@/api/types'
import type { TextKey, Translate } from '@/text'
import { ChoiceField, FieldRow, FlagField, TagsField, TextField } from '@/ui/fields'
import { useText } from '@/ui/useText'
import { newLimit, newRoute, RETRY_ON } from './draft/rules'
import { same } from './draft/shape'
import * as words from './draft/words'
import { DurationField, fieldsOf, given, NumberField, type Slot } from './fields'
import { LimitFields } from './LimitFields'
import { MapFields } from './MapFields'

const USUAL = newRoute('usual')

export type OptionName =
  | 'timeouts'
  | 'retry'
  | 'rewrite'
  | 'request_headers'
  | 'response_headers'
  | 'backends'
  | 'mirror'
  | 'fault'
  | 'sticky'
  | 'limits'

type FieldsProps = { slot: Slot<Route>; versions: readonly string[] }
export type RouteOption = {
  title: TextKey
  /** Only a route that forwards can have it. */
  forwards: boolean
  isSet: (route: Route) => boolean
  /** Its value when it is added, and when it is removed. */
  added: (versions: readonly string[]) => Partial<Route>
  removed: Partial<Route>
  summary: (route: Route, t: Translate) => string
  Fields: (props: FieldsProps) => ReactNode
}

const NO_OPS: HeaderOps = { set: {}, add: {}, remove: [] }

/** In the order in which the editor shows them. */
export const OPTIONS: Record<OptionName, RouteOption> = {
  timeouts: {
    title: 'section.timeouts',
    forwards: true,
    isSet: (route) => !same(route.timeouts, USUAL.timeouts),
    added: () => ({}),
    removed: { timeouts: USUAL.timeouts },
    summary: (route, t) => words.timeoutWords(route.timeouts, t),
    Fields: TimeoutFields,
  },
  retry: {
    title: 'section.retry',
    forwards: true,
    isSet: (route) => !same(route.retry, USUAL.retry),
    added: () => ({}),
    removed: { retry: USUAL.retry },
    summary: (route, t) => words.retryWords(route.retry, t),
    Fields: RetryFields,
  },
  rewrite: {
    title: 'section.rewrite',
    forwards: true,
    isSet: ({ rewrite }) => rewrite !== null,
    added: () => ({ rewrite: { path: '', prefix: '', regex: '', substitution: '', host: '' } }),
    removed: { rewrite: null },
    summary: ({ rewrite }, t) => (rewrite ? words.rewriteWords(rewrite, t) : ''),
    Fields: RewriteFields,
  },
  request_headers: {
    title: 'section.requestHeaders',
    forwards: true,
    isSet: ({ request_headers }) => request_headers !== null,
    added: () => ({ request_headers: NO_OPS }),
    removed: { request_headers: null },
    summary: ({ request_headers }) => (request_headers ? words.opsWords(request_headers) : ''),
    Fields: ({ slot }) =>
      slot.value.request_headers && (
        <HeaderOpsFields slot={given(fieldsOf(slot)('request_headers'), slot.value.request_headers)} />
      ),
  },
  response_headers: {
    title: 'section.responseHeaders',
    forwards: false,
    isSet: ({ response_headers }) => response_headers !== null,
    added: () => ({ response_headers: NO_OPS }),
    removed: { response_headers: null },
    summary: ({ response_headers }) => (response_headers ? words.opsWords(response_headers) : ''),
    Fields: ({ slot }) =>
      slot.value.response_headers && (
        <HeaderOpsFields slot={given(fieldsOf(slot)('response_headers'), slot.value.response_headers)} />
      ),
  },
  backends: {
    title: 'section.backends',
    forwards: true,
    isSet: ({ backends }) => Object.keys(backends).length > 0,
    added: ([first = 'v1']) => ({
      backends: { [first]: { request_headers: NO_OPS, response_headers: null } },
    }),
    removed: { backends: {} },
    summary: ({ backends }) => words.backendWords(backends),
    Fields: BackendFields,
  },
  mirror: {
    title: 'section.mirror',
    forwards: true,
    isSet: ({ mirror }) => mirror !== null,
    added: (versions) => ({ mirror: { version: versions.at(-1) ?? '', percent: 100, unsafe: false } }),
    removed: { mirror: null },
    summary: ({ mirror }, t) => (mirror ? words.mirrorWords(mirror, t) : ''),
    Fields: MirrorFields,
  },
  fault: {
    title: 'section.fault',
    forwards: false,
    isSet: ({ fault }) => fault !== null,
    added: () => ({
      fault: { delay_ms: 1000, delay_percent: 1, abort_status: 0, abort_percent: 1, header: '' },
    }),
    removed: { fault: null },
    summary: ({ fault }, t) => (fault ? words.faultWords(fault, t) : ''),
    Fields: FaultFields,
  },
  sticky: {
    title: 'section.sticky',
    forwards: true,
    isSet: ({ sticky }) => sticky !== null,
    added: () => ({ sticky: { kind: 'cookie', name: 'mesh-sticky', ttl_s: 0 } }),
    removed: { sticky: null },
    summary: ({ sticky }, t) => (sticky ? words.stickyWords(sticky, t) : ''),
    Fields: StickyFields,
  },
  limits: {
    title: 'section.limits',
    forwards: false,
    isSet: ({ limits }) => limits.length > 0,
    added: () => ({ limits: [newLimit('limit')] }),
    removed: { limits: [] },
    summary: ({ limits }, t) => words.limitsWords(limits, t),
    Fields: ({ slot }) => <LimitFields slot={fieldsOf(slot)('limits')} />,
  },
}

function TimeoutFields({ slot }: FieldsProps) {
  const t = useText()
  const field = fieldsOf(fieldsOf(slot)('timeouts'))
  return (
    <FieldRow>
      <DurationField {...field('request_ms')} label={t('routes.timeout')} />
      <DurationField {...field('idle_ms')} label={t('routes.idle')} />
    </FieldRow>
  )
}

function RetryFields({ slot }: FieldsProps) {
  const t = useText()
  const field = fieldsOf(fieldsOf(slot)('retry'))
  const { retry } = slot.value
  const codes = field('codes')
  return (
    <>
      <FieldRow>
        <NumberField {...field('attempts')} label={t('retry.attempts')} />
        {retry.attempts > 0 && (
          <TagsField
            {...field('on')}
            onChange={(on) => field('on').onChange(on as typeof retry.on)}
            label={t('retry.on')}
            suggestions={RETRY_ON}
          />
        )}
      </FieldRow>
      {retry.attempts > 0 && (
        <>
          <FieldRow>
            <TagsField
              {...codes}
              value={codes.value.map(String)}
              onChange={(next) => codes.onChange(next.map(Number))}
              label={t('retry.codes')}
              width={160}
              placeholder="429, 503"
            />
            <DurationField
              {...field('per_try_timeout_ms')}
              label={t('retry.perTry')}
              hint={t('retry.perTry.hint')}
            />
            <DurationField {...field('backoff_ms')} label={t('retry.backoff')} />
            <DurationField {...field('backoff_max_ms')} label={t('retry.backoffMax')} />
          </FieldRow>
          <FlagField {...field('unsafe')} label={t('retry.unsafe')} hint={t('retry.unsafe.hint')} />
        </>
      )}
    </>
  )
}

function RewriteFields({ slot }: FieldsProps) {
  const t = useText()
  const { rewrite } = slot.value
  if (!rewrite) return null
  const field = fieldsOf(given(fieldsOf(slot)('rewrite'), rewrite))
  return (
    <>
      <FieldRow>
        <TextField {...field('prefix')} label={t('rewrite.prefix')} hint={t('rewrite.prefix.hint')} mono />
        <TextField {...field('path')} label={t('rewrite.path')} hint={t('rewrite.path.hint')} mono />
      </FieldRow>
      <FieldRow>
        <TextField {...field('regex')} label={t('rewrite.regex')} hint={t('rewrite.regex.hint')} mono />
        <TextField
          {...field('substitution')}
          label={t('rewrite.substitution')}
          hint={t('rewrite.substitution.hint')}
          mono
        />
      </FieldRow>
      <TextField
        {...field('host')}
        label={t('rewrite.host')}
        placeholder={t('redirect.keep')}
        width={240}
        mono
      />
    </>
  )
}

function HeaderOpsFields({ slot }: { slot: Slot<HeaderOps> }) {
  const t = useText()
  const field = fieldsOf(slot)
  return (
    <>
      <MapFields {...field('set')} title={t('headers.set')} addLabel={t('headers.set.add')} />
      <MapFields {...field('add')} title={t('headers.add')} addLabel={t('headers.add.add')} />
      <TagsField {...field('remove')} label={t('headers.remove')} placeholder="x-debug" />
    </>
  )
}

function BackendFields({ slot, versions }: FieldsProps) {
  const t = useText()
  const { path, value: backends, onChange, shape } = fieldsOf(slot)('backends')
  const of = shape.kind === 'map' ? shape.of : shape
  const free = versions.filter((version) => !(version in backends))
  const add = (version: string) =>
    onChange({ ...backends, [version]: { request_headers: NO_OPS, response_headers: null } })
  return (
    <>
      {Object.entries(backends).map(([version, backend]) => {
        const field = fieldsOf({
          path: `${path}.${version}`,
          shape: of,
          value: backend,
          onChange: (next: typeof backend) => onChange({ ...backends, [version]: next }),
        })
        return (
          <fieldset key={version} className="backend" aria-label={t('backends.of', { version })}>
            <strong>{version}</strong>
            {(['request_headers', 'response_headers'] as const).map((name) => (
              <div key={name} className="backend-ops">
                <span className="muted">{t(OPTIONS[name].title)}</span>
                <HeaderOpsFields
                  slot={{
                    ...field(name),
                    value: backend[name] ?? NO_OPS,
                    onChange: (next) => field(name).onChange(same(next, NO_OPS) ? null : next),
                  }}
                />
              </div>
            ))}
          </fieldset>
        )
      })}
      <div className="row">
        {free.map((version) => (
          <Button
            key={version}
            size="compact-xs"
            variant="subtle"
            leftSection={<IconPlus size={12} />}
            onClick={() => add(version)}
          >
            {t('backends.add', { version })}
          </Button>
        ))}
      </div>
    </>
  )
}

function MirrorFields({ slot, versions }: FieldsProps) {
  const t = useText()
  const { mirror } = slot.value
  if (!mirror) return null
  const field = fieldsOf(given(fieldsOf(slot)('mirror'), mirror))
  return (
    <>
      <FieldRow>
        <ChoiceField {...field('version')} label={t('mirror.version')} options={versions} />
        <NumberField {...field('percent')} label={t('mirror.percent')} suffix=" %" />
      </FieldRow>
      <FlagField {...field('unsafe')} label={t('mirror.unsafe')} hint={t('mirror.unsafe.hint')} />
    </>
  )
}

function FaultFields({ slot }: FieldsProps) {
  const t = useText()
  const { fault } = slot.value
  if (!fault) return null
  const field = fieldsOf(given(fieldsOf(slot)('fault'), fault))
  return (
    <FieldRow>
      <DurationField {...field('delay_ms')} label={t('fault.delay')} hint={t('fault.none')} />
      <NumberField {...field('delay_percent')} label={t('fault.delayPercent')} suffix=" %" />
      <NumberField {...field('abort_status')} label={t('fault.abort')} hint={t('fault.none')} />
      <NumberField {...field('abort_percent')} label={t('fault.abortPercent')} suffix=" %" />
      <TextField
        {...field('header')}
        label={t('fault.header')}
        width={176}
        placeholder={t('fault.header.any')}
        mono
      />
    </FieldRow>
  )
}

function StickyFields({ slot }: FieldsProps) {
  const t = useText()
  const { sticky } = slot.value
  if (!sticky) return null
  const own = given(fieldsOf(slot)('sticky'), sticky)
  const field = fieldsOf(own)
  return (
    <>
      <FieldRow>
        <ChoiceField
          {...field('kind')}
          label={t('sticky.kind')}
          options={(['cookie', 'header', 'source'] as const).map((value) => ({
            value,
            label: t(`sticky.${value}`),
          }))}
          onChange={(kind) =>
            own.onChange({
              kind,
              name: kind === 'source' ? '' : sticky.name,
              ttl_s: kind === 'cookie' ? sticky.ttl_s : 0,
            })
          }
        />
        {sticky.kind !== 'source' && (
          <TextField {...field('name')} label={t('sticky.name')} width={176} mono />
        )}
        {sticky.kind === 'cookie' && (
          <NumberField {...field('ttl_s')} label={t('sticky.ttl')} suffix=" s" hint={t('sticky.ttl.hint')} />
        )}
      </FieldRow>
      <p className="muted field-note">{t('sticky.note')}</p>
    </>
  )
}
