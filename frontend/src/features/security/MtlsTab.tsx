/** How services receive: the mode that each comes to and where it is set, and who still speaks plaintext. */
import { Checkbox, MultiSelect, Select } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { SECURITY, type SettingValue, securityQueries, writeSetting } from '@/api/security'
import { allows, useMe } from '@/api/session'
import type { AccessTable, Migration, Plaintext, ServiceAccess, Tokens } from '@/api/types'
import { type Column, DataTable } from '@/ui/DataTable'
import { FormDialog } from '@/ui/FormDialog'
import { formatCount, formatShare, NONE } from '@/ui/format'
import { ToneMark } from '@/ui/Mark'
import { PageHead, Panel } from '@/ui/Panel'
import { Loaded } from '@/ui/States'
import { useText } from '@/ui/useText'
import { useUrlState } from '@/ui/useUrlState'
import { AppliedPanel } from './AppliedPanel'
import { setApplied } from './draft/store'
import { sourceWords, WINDOWS } from './ReplayPanel'
import { ServiceLink } from './Usage'

const DEFAULTS = { window: '5m' }
const INHERIT = 'inherit'
const OWN = 'own'
const MODES = ['strict', 'permissive', 'disable'] as const
const ACTIONS = ['allow', 'deny'] as const

export default function MtlsTab() {
  const t = useText()
  const [{ window }, set] = useUrlState(DEFAULTS)
  const table = useQuery(securityQueries.mtls())
  const plaintext = useQuery(securityQueries.plaintext(window))
  return (
    <>
      <PageHead
        sentence={table.data && plaintext.data ? sentenceOf(table.data, plaintext.data, t) : 'mTLS'}
      />
      <AppliedPanel />
      <Loaded query={table} source={t('sec.source.mtls')}>
        {(data) => (
          <>
            <ScopesPanel table={data} />
            <EffectivePanel table={data} />
          </>
        )}
      </Loaded>
      <Panel
        title={t('sec.plaintext.title')}
        aside={
          <Select
            size="xs"
            w={144}
            aria-label={t('sec.window')}
            value={window}
            data={WINDOWS.map((each) => ({ value: each, label: t(`sec.window.${each}`) }))}
            allowDeselect={false}
            onChange={(next) => set({ window: next ?? '5m' })}
          />
        }
        flush
      >
        <Loaded query={plaintext} source={t('sec.source.plaintext')}>
          {(data) => <PlaintextView plaintext={data} />}
        </Loaded>
      </Panel>
    </>
  )
}

function sentenceOf({ effective }: AccessTable, { edges }: Plaintext, t: ReturnType<typeof useText>): string {
  const workloads = effective.filter(({ gateway }) => !gateway)
  const strict = workloads.filter(({ mtls }) => mtls === 'strict').length
  const n = workloads.length
  return edges.length
    ? t('sec.mtls.sentence.plaintext', { strict, n, edges: t('sec.mtls.edges', { n: edges.length }) })
    : t('sec.mtls.sentence', { strict, n })
}

/** What is set for the mesh and its namespaces; services have theirs in the table below. */
function ScopesPanel({ table }: { table: AccessTable }) {
  const t = useText()
  const namespaces = [...new Set(table.effective.map(({ service }) => service.split('/')[0] ?? ''))].sort()
  const scopes = [table.mesh, ...namespaces.map((scope) => settingOf(table, scope))]
  const columns: Column<(typeof scopes)[number]>[] = [
    { key: 'scope', header: t('sec.mtls.scope'), cell: ({ scope }) => scopeWords(scope, t) },
    {
      key: 'mtls',
      header: 'mTLS',
      cell: ({ scope, mtls }) =>
        mtls ? t(`sec.mtls.${mtls}`) : <Unset scope={scope} what={t('sec.mtls.strict')} />,
    },
    {
      key: 'default',
      header: t('sec.mtls.default'),
      cell: ({ scope, default_action: action }) =>
        action ? t(`sec.default.${action}`) : <Unset scope={scope} what={t('sec.default.allow')} />,
    },
    {
      key: 'tokens',
      header: t('sec.tokens'),
      cell: ({ scope, tokens }) =>
        tokens ? tokensWords(tokens, t) : <Unset scope={scope} what={t('sec.tokens.none')} />,
    },
    {
      key: 'actions',
      header: t('table.actions'),
      cell: ({ scope, mtls, default_action, tokens }) => (
        <SetDialog scope={scope} mtls={mtls} default_action={default_action} tokens={tokens} />
      ),
      numeric: true,
    },
  ]
  return (
    <Panel title={t('sec.mtls.scopes')} flush>
      <DataTable label={t('sec.mtls.scopes')} columns={columns} rows={scopes} rowKey={({ scope }) => scope} />
    </Panel>
  )
}

function settingOf({ settings }: AccessTable, scope: string): SettingValue & { scope: string } {
  const found = settings.find((each) => each.scope === scope)
  const { mtls = null, default_action = null, tokens = null } = found ?? {}
  return { scope, mtls, default_action, tokens }
}

/** What stands where nothing is set: for the mesh, what is built in. */
function Unset({ scope, what }: { scope: string; what: string }) {
  const t = useText()
  if (scope !== '*') return <span className="muted">{t('sec.mtls.inherits')}</span>
  return (
    <span>
      {what} <span className="muted">{t('sec.mtls.builtIn')}</span>
    </span>
  )
}

export function scopeWords(scope: string, t: ReturnType<typeof useText>): string {
  if (scope === '*') return t('sec.mtls.mesh')
  return scope === 'built-in' ? t('sec.mtls.builtIn') : scope
}

function EffectivePanel({ table }: { table: AccessTable }) {
  const t = useText()
  const columns: Column<ServiceAccess>[] = [
    {
      key: 'service',
      header: t('table.service'),
      cell: ({ service, gateway }) => (gateway ? service : <ServiceLink service={service} />),
    },
    {
      key: 'mtls',
      header: 'mTLS',
      cell: ({ mtls, mtls_from }) =>
        mtls ? (
          <span className="row">
            <ModeState mode={mtls} />
            <span className="muted">{scopeWords(mtls_from, t)}</span>
          </span>
        ) : (
          NONE
        ),
    },
    {
      key: 'default',
      header: t('sec.mtls.default'),
      cell: ({ default_action, default_from }) => (
        <>
          {t(`sec.default.${default_action}`)} <span className="muted">{scopeWords(default_from, t)}</span>
        </>
      ),
    },
    {
      key: 'tokens',
      header: t('sec.tokens'),
      cell: ({ tokens, tokens_from }) =>
        tokens.providers.length ? (
          <>
            {tokensWords(tokens, t)} <span className="muted">{scopeWords(tokens_from, t)}</span>
          </>
        ) : (
          NONE
        ),
    },
    {
      key: 'policies',
      header: t('sec.tab.policies'),
      cell: ({ policies }) => policies.join(', ') || NONE,
      long: true,
    },
    {
      key: 'actions',
      header: t('table.actions'),
      cell: ({ service, gateway }) => <SetDialog {...settingOf(table, service)} gateway={gateway} />,
      numeric: true,
    },
  ]
  return (
    <Panel title={t('sec.mtls.effective')} flush>
      <DataTable
        label={t('sec.mtls.effective')}
        columns={columns}
        rows={table.effective}
        rowKey={({ service }) => service}
      />
    </Panel>
  )
}

function ModeState({ mode }: { mode: (typeof MODES)[number] }) {
  const t = useText()
  const tone = { strict: 'healthy', permissive: 'degraded', disable: 'unknown' } as const
  return <ToneMark tone={tone[mode]} label={t(`sec.mtls.${mode}`)} />
}

type SetProps = SettingValue & { scope: string; gateway?: boolean }

/** Null is a choice like any other: as the wider scope says. */
function SetDialog({ scope, mtls, default_action, tokens, gateway }: SetProps) {
  const t = useText()
  const cache = useQueryClient()
  const me = useMe().data
  const mayWrite = allows(me, 'security.write', scope === '*' ? undefined : scope.split('/')[0])
  const [value, setValue] = useState<SettingValue>({ mtls, default_action, tokens })
  const inherit = { value: INHERIT, label: t('sec.mtls.inherits') }
  const given = <T extends string>(chosen: string | null) => (chosen === INHERIT ? null : (chosen as T))
  return (
    <FormDialog
      label={t('action.edit')}
      title={t('sec.mtls.set', { scope: scopeWords(scope, t) })}
      submit={t('action.save')}
      compact
      blocked={mayWrite ? undefined : t('sec.blocked')}
      onOpen={() => setValue({ mtls, default_action, tokens })}
      apply={(reason) => writeSetting(scope, value, reason)}
      onDone={({ revision }) => {
        if (revision) setApplied({ name: scopeWords(scope, t), revision, undo: false })
        cache.invalidateQueries({ queryKey: [SECURITY] })
      }}
    >
      {() => (
        <>
          {!gateway && (
            <Select
              label="mTLS"
              description={t(`sec.mtls.${value.mtls ?? 'inherits'}.hint`)}
              value={value.mtls ?? INHERIT}
              data={[inherit, ...MODES.map((mode) => ({ value: mode, label: t(`sec.mtls.${mode}`) }))]}
              allowDeselect={false}
              onChange={(next) => setValue({ ...value, mtls: given(next) })}
            />
          )}
          <Select
            label={t('sec.mtls.default')}
            description={t('sec.mtls.default.hint')}
            value={value.default_action ?? INHERIT}
            data={[inherit, ...ACTIONS.map((each) => ({ value: each, label: t(`sec.default.${each}`) }))]}
            allowDeselect={false}
            onChange={(next) => setValue({ ...value, default_action: given(next) })}
          />
          <TokensField value={value.tokens} onChange={(next) => setValue({ ...value, tokens: next })} />
        </>
      )}
    </FormDialog>
  )
}

/** "corp, required". */
function tokensWords({ providers, required }: Tokens, t: ReturnType<typeof useText>): string {
  const names = providers.join(', ') || t('sec.tokens.none')
  return required ? t('sec.tokens.needed', { names }) : names
}

/** Null is as the wider scope says. */
function TokensField({
  value,
  onChange,
}: {
  value: Tokens | null
  onChange: (tokens: Tokens | null) => void
}) {
  const t = useText()
  const known = (useQuery(securityQueries.providers()).data ?? []).map(({ name }) => name)
  return (
    <>
      <Select
        label={t('sec.tokens')}
        description={t('sec.tokens.hint')}
        value={value ? OWN : INHERIT}
        data={[
          { value: INHERIT, label: t('sec.mtls.inherits') },
          { value: OWN, label: t('sec.tokens.own') },
        ]}
        allowDeselect={false}
        onChange={(next) => onChange(next === OWN ? { providers: [], required: false } : null)}
      />
      {value && (
        <>
          <MultiSelect
            label={t('sec.token.providers')}
            value={value.providers}
            data={[...new Set([...known, ...value.providers])]}
            onChange={(providers) => onChange({ ...value, providers })}
          />
          <Checkbox
            label={t('sec.tokens.required')}
            description={t('sec.tokens.required.hint')}
            checked={value.required}
            onChange={(event) => onChange({ ...value, required: event.currentTarget.checked })}
          />
        </>
      )}
    </>
  )
}

function PlaintextView({ plaintext }: { plaintext: Plaintext }) {
  const t = useText()
  const edgeColumns: Column<Plaintext['edges'][number]>[] = [
    {
      key: 'edge',
      header: t('table.edge'),
      cell: ({ source, destination }) => `${sourceWords(source, t)} → ${destination}`,
    },
    {
      key: 'plaintext',
      header: t('sec.plaintext.requests'),
      cell: ({ plaintext: count }) => formatCount(count),
      numeric: true,
    },
    {
      key: 'secured',
      header: t('sec.plaintext.secured'),
      cell: ({ secured_share }) => formatShare(secured_share),
      numeric: true,
    },
  ]
  return (
    <>
      {plaintext.edges.length === 0 ? (
        <p className="sec-note">
          <ToneMark
            tone="healthy"
            label={t('sec.plaintext.nobody', { seconds: Math.round(plaintext.covered_s) })}
          />
        </p>
      ) : (
        <DataTable
          label={t('sec.plaintext.title')}
          columns={edgeColumns}
          rows={plaintext.edges}
          rowKey={({ source, destination }) => `${source} ${destination}`}
        />
      )}
      <div className="sec-below">
        <MigrationTable services={plaintext.services} />
      </div>
    </>
  )
}

/** Only services that are not strict yet. */
function MigrationTable({ services }: { services: Migration[] }) {
  const t = useText()
  const open = services.filter(({ safe_to_make_strict }) => safe_to_make_strict !== null)
  const columns: Column<Migration>[] = [
    { key: 'service', header: t('table.service'), cell: ({ service }) => <ServiceLink service={service} /> },
    { key: 'mode', header: 'mTLS', cell: ({ mtls }) => <ModeState mode={mtls} /> },
    {
      key: 'requests',
      header: t('sec.requests'),
      cell: ({ requests }) => formatCount(requests),
      numeric: true,
    },
    {
      key: 'safe',
      header: t('sec.plaintext.safe'),
      cell: ({ safe_to_make_strict: safe, reason }) => (
        <ToneMark tone={safe ? 'healthy' : 'degraded'} label={reason} />
      ),
      long: true,
    },
    {
      key: 'unproxied',
      header: t('sec.plaintext.unproxied'),
      cell: ({ unproxied }) => formatCount(unproxied),
      numeric: true,
      wideOnly: true,
    },
    {
      key: 'actions',
      header: t('table.actions'),
      cell: (service) => <MakeStrict service={service} />,
      numeric: true,
    },
  ]
  if (open.length === 0) return <p className="sec-note muted">{t('sec.plaintext.allStrict')}</p>
  return (
    <DataTable
      label={t('sec.plaintext.migration')}
      columns={columns}
      rows={open}
      rowKey={({ service }) => service}
    />
  )
}

function MakeStrict({ service }: { service: Migration }) {
  const t = useText()
  const cache = useQueryClient()
  const { service: id, safe_to_make_strict: safe, plaintext, reason } = service
  const mayWrite = allows(useMe().data, 'security.write', id.split('/')[0])
  return (
    <FormDialog
      label={t('sec.strict')}
      title={t('sec.strict.title', { service: id })}
      submit={t('sec.strict.title', { service: id })}
      danger={!safe}
      compact
      blocked={mayWrite ? undefined : t('sec.blocked')}
      apply={(why) => writeSetting(id, { mtls: 'strict' }, why)}
      onDone={({ revision }) => {
        if (revision) setApplied({ name: id, revision, undo: false })
        cache.invalidateQueries({ queryKey: [SECURITY] })
      }}
    >
      {() => (
        <>
          <ToneMark tone={safe ? 'healthy' : 'degraded'} label={reason} />
          <p>
            {plaintext
              ? t('sec.strict.breaks', { n: plaintext, count: formatCount(plaintext) })
              : t('sec.strict.after')}
          </p>
        </>
      )}
    </FormDialog>
  )
}
