import { ActionIcon, Button, Checkbox, MultiSelect, NumberInput, Select, TextInput } from '@mantine/core'
import { IconArrowDown, IconArrowUp, IconPlus, IconTrash } from '@tabler/icons-react'
import type { HeaderMatch, Route } from '@/api/types'
import { useText } from '@/ui/useText'
import { even } from './splitMath'

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']

type RouteFieldsProps = {
  route: Route
  versions: string[]
  error: string | undefined
  first: boolean
  last: boolean
  onChange: (route: Route) => void
  onMove: (step: 1 | -1) => void
  /** Absent for the only route: a service has at least one. */
  onRemove: (() => void) | undefined
}

export function RouteFields({
  route,
  versions,
  error,
  first,
  last,
  onChange,
  onMove,
  onRemove,
}: RouteFieldsProps) {
  const t = useText()
  return (
    <fieldset className="route-card" aria-label={route.name}>
      <div className="route-head">
        <TextInput
          size="xs"
          label={t('routes.name')}
          value={route.name}
          onChange={(event) => onChange({ ...route, name: event.currentTarget.value })}
        />
        <div className="route-order">
          <ActionIcon
            variant="default"
            disabled={first}
            aria-label={t('routes.up')}
            onClick={() => onMove(-1)}
          >
            <IconArrowUp size={14} />
          </ActionIcon>
          <ActionIcon
            variant="default"
            disabled={last}
            aria-label={t('routes.down')}
            onClick={() => onMove(1)}
          >
            <IconArrowDown size={14} />
          </ActionIcon>
          {onRemove && (
            <ActionIcon
              variant="default"
              aria-label={t('routes.remove', { name: route.name })}
              onClick={onRemove}
            >
              <IconTrash size={14} />
            </ActionIcon>
          )}
        </div>
      </div>
      <MatchFields match={route.match} onChange={(match) => onChange({ ...route, match })} />
      <Destination
        weights={route.weights}
        versions={versions}
        onChange={(weights) => onChange({ ...route, weights })}
      />
      <Timeouts timeouts={route.timeouts} onChange={(timeouts) => onChange({ ...route, timeouts })} />
      {error && (
        <p className="text-failing" role="alert">
          {error}
        </p>
      )}
    </fieldset>
  )
}

type MatchProps = { match: Route['match']; onChange: (match: Route['match']) => void }

function MatchFields({ match, onChange }: MatchProps) {
  const t = useText()
  const { path, headers } = match
  const setHeader = (index: number, header: HeaderMatch) =>
    onChange({ ...match, headers: headers.map((each, at) => (at === index ? header : each)) })
  return (
    <>
      <div className="route-fields">
        <Select
          size="xs"
          w={128}
          label={t('routes.path')}
          value={path?.kind ?? 'any'}
          allowDeselect={false}
          data={[
            { value: 'any', label: t('routes.path.any') },
            { value: 'prefix', label: t('routes.path.prefix') },
            { value: 'exact', label: t('routes.path.exact') },
          ]}
          onChange={(kind) =>
            onChange({
              ...match,
              path: kind === 'prefix' || kind === 'exact' ? { kind, value: path?.value ?? '/' } : null,
            })
          }
        />
        {path && (
          <TextInput
            size="xs"
            label={t('routes.path.value')}
            value={path.value}
            onChange={(event) => onChange({ ...match, path: { ...path, value: event.currentTarget.value } })}
          />
        )}
        <MultiSelect
          size="xs"
          miw={160}
          label={t('routes.methods')}
          placeholder={match.methods.length ? undefined : t('routes.methods.any')}
          value={match.methods}
          data={METHODS}
          onChange={(methods) => onChange({ ...match, methods })}
        />
        <Button
          size="xs"
          variant="default"
          leftSection={<IconPlus size={14} />}
          onClick={() =>
            onChange({
              ...match,
              headers: [...headers, { name: '', kind: 'exact', value: '', invert: false }],
            })
          }
        >
          {t('routes.header.add')}
        </Button>
      </div>
      {headers.length > 0 && (
        <div className="header-fields">
          {headers.map((header, index) => (
            <HeaderFields
              // biome-ignore lint/suspicious/noArrayIndexKey: a header match has no identity but its place
              key={index}
              header={header}
              onChange={(next) => setHeader(index, next)}
              onRemove={() => onChange({ ...match, headers: headers.filter((_, at) => at !== index) })}
            />
          ))}
        </div>
      )}
    </>
  )
}

type HeaderProps = { header: HeaderMatch; onChange: (header: HeaderMatch) => void; onRemove: () => void }

function HeaderFields({ header, onChange, onRemove }: HeaderProps) {
  const t = useText()
  return (
    <div className="route-fields">
      <TextInput
        size="xs"
        label={t('routes.header.name')}
        value={header.name}
        onChange={(event) => onChange({ ...header, name: event.currentTarget.value })}
      />
      <Select
        size="xs"
        w={128}
        label={t('routes.header.kind')}
        value={header.kind}
        allowDeselect={false}
        data={[
          { value: 'exact', label: t('routes.header.exact') },
          { value: 'prefix', label: t('routes.header.prefix') },
          { value: 'present', label: t('routes.header.present') },
        ]}
        onChange={(kind) => onChange({ ...header, kind: (kind ?? 'exact') as HeaderMatch['kind'] })}
      />
      {header.kind !== 'present' && (
        <TextInput
          size="xs"
          label={t('routes.header.value')}
          value={header.value}
          onChange={(event) => onChange({ ...header, value: event.currentTarget.value })}
        />
      )}
      <Checkbox
        size="xs"
        mb={6}
        label={t('routes.header.invert')}
        checked={header.invert}
        onChange={(event) => onChange({ ...header, invert: event.currentTarget.checked })}
      />
      <ActionIcon
        variant="default"
        aria-label={t('routes.header.remove', { name: header.name })}
        onClick={onRemove}
      >
        <IconTrash size={14} />
      </ActionIcon>
    </div>
  )
}

type DestinationProps = {
  weights: Route['weights']
  versions: string[]
  onChange: (weights: Route['weights']) => void
}

function Destination({ weights, versions, onChange }: DestinationProps) {
  const t = useText()
  const evenly = () => even(Object.fromEntries(versions.map((version) => [version, 0])), new Set())
  return (
    <div className="route-fields">
      <Select
        size="xs"
        label={t('routes.to')}
        value={weights ? 'own' : 'service'}
        allowDeselect={false}
        data={[
          { value: 'service', label: t('routes.serviceSplit') },
          { value: 'own', label: t('routes.ownWeights') },
        ]}
        onChange={(kind) => onChange(kind === 'own' ? evenly() : null)}
      />
      {weights &&
        versions.map((version) => (
          <NumberInput
            key={version}
            size="xs"
            w={88}
            label={version}
            value={weights[version] ?? 0}
            min={0}
            max={100}
            suffix=" %"
            onChange={(value) => onChange({ ...weights, [version]: Number(value) })}
          />
        ))}
    </div>
  )
}

type TimeoutsProps = { timeouts: Route['timeouts']; onChange: (timeouts: Route['timeouts']) => void }

function Timeouts({ timeouts, onChange }: TimeoutsProps) {
  const t = useText()
  return (
    <div className="route-fields">
      <NumberInput
        size="xs"
        w={128}
        label={t('routes.timeout')}
        value={timeouts.request_ms}
        min={1}
        suffix=" ms"
        onChange={(value) => onChange({ ...timeouts, request_ms: Number(value) })}
      />
      <NumberInput
        size="xs"
        w={128}
        label={t('routes.idle')}
        value={timeouts.idle_ms}
        min={1}
        suffix=" ms"
        onChange={(value) => onChange({ ...timeouts, idle_ms: Number(value) })}
      />
    </div>
  )
}
