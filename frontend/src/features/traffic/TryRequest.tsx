/** What a described request would meet, now and with the draft. The request is in the address, to be shared. */
import '@/ui/fields.css'
import './routing.css'
import './views.css'
import { Checkbox, Select, Textarea, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { body, client } from '@/api/client'
import { toFormErrors } from '@/api/problem'
import { queries } from '@/api/queries'
import type { SimulateRequest, Simulation } from '@/api/types'
import { addEnglish } from '@/text'
import { trafficEn } from '@/text/traffic.en'
import { Panel } from '@/ui/Panel'
import { EmptyState } from '@/ui/States'
import { useText } from '@/ui/useText'
import { useUrlState } from '@/ui/useUrlState'
import { useDraftOf } from './draft/store'
import { SimulationView } from './SimulationView'
import { type Asked, askedOf, BLANK, requestOf } from './simulateRequest'

addEnglish(trafficEn)

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']
const PAUSE_MS = 300
const FIELDS = ['source', 'host', 'method', 'path', 'headers', 'address']

/** `service` is whose host the form begins with. */
export function TryRequest({ service = '' }: { service?: string }) {
  const t = useText()
  const defaults = useMemo(() => ({ ...BLANK, host: service ? hostOf(service) : '' }), [service])
  const [asked, set] = useUrlState(defaults)
  const [settled] = useDebouncedValue(asked, PAUSE_MS)
  const request = requestOf(settled)
  const now = useQuery(simulation(request))
  const target = now.data?.service || serviceOf(settled.host)
  const { routes, split } = useDraftOf(target)
  const drafted = Boolean(routes || split)
  const draft = { routes: routes?.value ?? null, split: split?.value ?? null, policy: null }
  const then = useQuery(simulation(request && drafted ? { ...request, draft } : null))
  const { fields, form } = toFormErrors(now.error, FIELDS)
  return (
    <Panel title={t('try.title')}>
      <div className="stack">
        <RequestForm asked={asked} errors={fields} onChange={set} />
        {form && (
          <p className="text-failing" role="alert">
            {form}
          </p>
        )}
        {!request && <EmptyState title={t('try.empty')} next={t('try.empty.next')} />}
        {request && (
          <div className={drafted ? 'columns' : undefined}>
            {now.data && (
              <SimulationView
                title={drafted ? t('try.now') : t('try.result')}
                simulation={now.data}
                other={then.data}
              />
            )}
            {drafted && then.data && (
              <SimulationView title={t('try.draft')} simulation={then.data} other={now.data} />
            )}
            {drafted && then.error && (
              <p className="text-failing" role="alert">
                {t('try.draftRefused', { error: then.error.message })}
              </p>
            )}
          </div>
        )}
      </div>
    </Panel>
  )
}

const hostOf = (service: string) => `${service.split('/').reverse().join('.')}.mesh`

/** The service that a name of the mesh stands for. */
function serviceOf(host: string): string {
  const [name, namespace, domain, ...more] = host.split(':')[0]?.split('.') ?? []
  return domain === 'mesh' && more.length === 0 ? `${namespace}/${name}` : ''
}

function simulation(request: SimulateRequest | null) {
  return {
    queryKey: ['simulate', request],
    queryFn: (): Promise<Simulation> =>
      body(client.POST('/api/v1/simulate/', { body: request as SimulateRequest })),
    enabled: request !== null,
    retry: false,
    placeholderData: keepPreviousData,
  }
}

type FormProps = { asked: Asked; errors: Record<string, string>; onChange: (patch: Partial<Asked>) => void }

function RequestForm({ asked, errors, onChange }: FormProps) {
  const t = useText()
  const services = useQuery(queries.services()).data ?? []
  const gateways = useQuery(queries.gateways()).data ?? []
  const atGateway = gateways.some(({ id }) => id === asked.source)
  const hosts = atGateway
    ? (gateways.find(({ id }) => id === asked.source)?.hosts.map(({ host }) => host) ?? [])
    : services.map(({ id }) => hostOf(id))
  const { malformed } = askedOf(asked)
  return (
    <form className="try-form" onSubmit={(event) => event.preventDefault()}>
      <div className="field-row-fields">
        <Select
          size="xs"
          w={216}
          label={t('try.source')}
          placeholder={t('try.source.hint')}
          value={asked.source || null}
          error={errors.source}
          data={[
            { group: t('try.gateways'), items: gateways.map(({ id }) => id) },
            { group: t('try.services'), items: services.map(({ id }) => id) },
          ]}
          searchable
          onChange={(source) => onChange({ source: source ?? '' })}
        />
        <Select
          size="xs"
          w={104}
          label={t('try.method')}
          value={asked.method}
          error={errors.method}
          data={METHODS.includes(asked.method) ? METHODS : [...METHODS, asked.method]}
          allowDeselect={false}
          onChange={(method) => onChange({ method: method ?? 'GET' })}
        />
        <TextInput
          size="xs"
          w={216}
          label={t('try.host')}
          value={asked.host}
          error={errors.host}
          list="try-hosts"
          classNames={{ input: 'mono' }}
          spellCheck={false}
          onChange={(event) => onChange({ host: event.currentTarget.value })}
        />
        <datalist id="try-hosts">
          {hosts.map((host) => (
            <option key={host} value={host} />
          ))}
        </datalist>
        <TextInput
          size="xs"
          className="field-wide"
          label={t('try.path')}
          value={asked.path}
          error={errors.path}
          classNames={{ input: 'mono' }}
          spellCheck={false}
          onChange={(event) => onChange({ path: event.currentTarget.value })}
        />
      </div>
      <div className="field-row-fields">
        <Textarea
          size="xs"
          className="field-wide"
          label={t('try.headers')}
          placeholder={'x-tier: beta\ncookie: session=7'}
          value={asked.headers}
          error={malformed ? t('try.headers.malformed', { line: malformed }) : errors.headers}
          rows={2}
          classNames={{ input: 'mono' }}
          spellCheck={false}
          onChange={(event) => onChange({ headers: event.currentTarget.value })}
        />
        {atGateway && (
          <>
            <TextInput
              size="xs"
              w={176}
              label={t('try.address')}
              placeholder="203.0.113.7"
              value={asked.address}
              error={errors.address}
              classNames={{ input: 'mono' }}
              onChange={(event) => onChange({ address: event.currentTarget.value })}
            />
            <Checkbox
              size="xs"
              mt={24}
              label={t('try.tls')}
              checked={asked.tls === '1'}
              onChange={(event) => onChange({ tls: event.currentTarget.checked ? '1' : '' })}
            />
          </>
        )}
      </div>
    </form>
  )
}
