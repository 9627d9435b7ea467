/** What a route does with the requests it takes: forward them, redirect them, or answer itself. */
import { NumberInput, SegmentedControl, Textarea } from '@mantine/core'
import { useRef } from 'react'
import type { DirectResponse, Redirect, Route, Weights } from '@/api/types'
import { ChoiceField, FieldRow, FlagField, faultUnder, TextField, useFaults } from '@/ui/fields'
import { useText } from '@/ui/useText'
import { newRoute } from './draft/rules'
import { fieldsOf, given, NumberField, type Slot } from './fields'
import { even } from './splitMath'

type Action = 'forward' | 'redirect' | 'direct'
const ACTIONS: Action[] = ['forward', 'redirect', 'direct']
/** Parts that only a route that forwards can have. */
const FORWARDING = ['weights', 'rewrite', 'request_headers', 'backends', 'mirror', 'sticky', 'retry'] as const
const USUAL = newRoute('usual')
const REDIRECT: Redirect = {
  code: 302,
  scheme: 'https',
  host: '',
  port: 0,
  path: '',
  prefix: '',
  strip_query: false,
}
const DIRECT: DirectResponse = { status: 503, body: '', content_type: 'text/plain; charset=utf-8' }

export function actionOf({ redirect, direct }: Route): Action {
  if (redirect) return 'redirect'
  return direct ? 'direct' : 'forward'
}

function picked(route: Route, names: readonly (keyof Route)[]): Partial<Route> {
  return Object.fromEntries(names.map((name) => [name, route[name]]))
}

export function ActionFields({ slot, versions }: { slot: Slot<Route>; versions: readonly string[] }) {
  const t = useText()
  const { value: route, onChange } = slot
  const field = fieldsOf(slot)
  const action = actionOf(route)
  // What another action cannot have comes back when one returns to it.
  const parked = useRef<Partial<Route>>({})
  const setAction = (next: Action) => {
    const leaving = picked(route, action === 'forward' ? FORWARDING : [action])
    parked.current = { ...parked.current, ...leaving }
    const plain = { ...route, redirect: null, direct: null }
    const without = { ...plain, ...picked(USUAL, FORWARDING) }
    if (next === 'forward') onChange({ ...plain, ...picked({ ...USUAL, ...parked.current }, FORWARDING) })
    else if (next === 'redirect') onChange({ ...without, redirect: parked.current.redirect ?? REDIRECT })
    else onChange({ ...without, direct: parked.current.direct ?? DIRECT })
  }
  return (
    <>
      <SegmentedControl
        size="xs"
        className="segments"
        value={action}
        aria-label={t('section.action')}
        data={ACTIONS.map((value) => ({ value, label: t(`action.${value}`) }))}
        onChange={(next) => setAction(next as Action)}
      />
      {action === 'forward' && <WeightFields slot={field('weights')} versions={versions} />}
      {route.redirect && <RedirectFields slot={given(field('redirect'), route.redirect)} />}
      {route.direct && <DirectFields slot={given(field('direct'), route.direct)} />}
    </>
  )
}

function WeightFields({ slot, versions }: { slot: Slot<Weights | null>; versions: readonly string[] }) {
  const t = useText()
  const faults = useFaults()
  const { value: weights, onChange, path } = slot
  const evenly = () => even(Object.fromEntries(versions.map((version) => [version, 0])), new Set())
  const sum = faults.find((fault) => fault.path === path)?.message
  const known = weights ? [...new Set([...versions, ...Object.keys(weights)])] : []
  return (
    <>
      <FieldRow>
        <ChoiceField<'split' | 'own'>
          {...slot}
          path=""
          width={192}
          label={t('action.to')}
          value={weights ? 'own' : 'split'}
          onChange={(next) => onChange(next === 'own' ? evenly() : null)}
          options={[
            { value: 'split', label: t('action.to.split') },
            { value: 'own', label: t('action.to.own') },
          ]}
        />
        {weights &&
          known.map((version) => (
            <NumberInput
              key={version}
              size="xs"
              w={88}
              label={version}
              value={weights[version] ?? 0}
              error={faultUnder(faults, `${path}.${version}`) ?? Boolean(sum)}
              min={0}
              max={100}
              clampBehavior="none"
              allowDecimal={false}
              suffix=" %"
              onChange={(next) => onChange({ ...weights, [version]: Number(next) })}
            />
          ))}
      </FieldRow>
      {sum && (
        <p className="text-failing" role="alert">
          {sum}
        </p>
      )}
    </>
  )
}

const CODES = ['301', '302', '303', '307', '308']

function RedirectFields({ slot }: { slot: Slot<Redirect> }) {
  const t = useText()
  const field = fieldsOf(slot)
  const { value: redirect, onChange } = slot
  return (
    <>
      <FieldRow>
        <ChoiceField
          {...slot}
          path={`${slot.path}.code`}
          label={t('redirect.code')}
          width={88}
          value={String(redirect.code)}
          options={CODES}
          onChange={(code) => onChange({ ...redirect, code: Number(code) as Redirect['code'] })}
        />
        <ChoiceField
          {...field('scheme')}
          label={t('redirect.scheme')}
          width={128}
          options={[{ value: '', label: t('redirect.keep') }, 'http', 'https']}
        />
        <TextField
          {...field('host')}
          label={t('redirect.host')}
          placeholder={t('redirect.keep')}
          width={192}
          mono
        />
        <NumberField {...field('port')} label={t('redirect.port')} hint={t('redirect.port.hint')} />
      </FieldRow>
      <FieldRow>
        <TextField {...field('path')} label={t('redirect.path')} placeholder={t('redirect.keep')} mono />
        <TextField {...field('prefix')} label={t('redirect.prefix')} placeholder={t('redirect.keep')} mono />
      </FieldRow>
      <FlagField {...field('strip_query')} label={t('redirect.stripQuery')} />
    </>
  )
}

function DirectFields({ slot }: { slot: Slot<DirectResponse> }) {
  const t = useText()
  const field = fieldsOf(slot)
  const body = field('body')
  const error = faultUnder(useFaults(), body.path)
  return (
    <>
      <FieldRow>
        <NumberField {...field('status')} label={t('direct.status')} />
        <TextField {...field('content_type')} label={t('direct.contentType')} width={240} mono />
      </FieldRow>
      <Textarea
        size="xs"
        label={t('direct.body')}
        value={body.value}
        error={error}
        minRows={2}
        rows={3}
        classNames={{ input: 'mono' }}
        onChange={(event) => body.onChange(event.currentTarget.value)}
      />
    </>
  )
}
