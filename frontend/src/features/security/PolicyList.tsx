/** Every policy, filtered, with what it decided lately. */
import { Button, Select, TextInput } from '@mantine/core'
import { IconSearch } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useMemo } from 'react'
import { queries } from '@/api/queries'
import { securityQueries } from '@/api/security'
import { allowsAnywhere, useMe } from '@/api/session'
import type { Policy } from '@/api/types'
import { type Column, DataTable } from '@/ui/DataTable'
import { ToneMark } from '@/ui/Mark'
import { PageHead, Panel } from '@/ui/Panel'
import { EmptyState, Loaded } from '@/ui/States'
import { Time } from '@/ui/Time'
import { parseSort, sortText } from '@/ui/urlSort'
import { useText } from '@/ui/useText'
import { useUrlState } from '@/ui/useUrlState'
import { AppliedPanel } from './AppliedPanel'
import { covers } from './draft/policy'
import { NEW, useDrafted } from './draft/store'
import { ruleWords, targetWords } from './draft/words'
import { Enforce } from './PolicyActions'
import { ActionMark, ModeMark, PolicyLink } from './parts'
import { type Counts, countColumns, countsByPolicy, USAGE_WINDOW } from './Usage'

const DEFAULTS = { q: '', target: '', action: '', mode: '', sort: 'name' }
type Filters = typeof DEFAULTS

export function PolicyList() {
  const t = useText()
  const [filters, set] = useUrlState(DEFAULTS)
  const query = useQuery(securityQueries.policies())
  const usage = useQuery(securityQueries.usage(USAGE_WINDOW)).data
  const counts = useMemo(() => countsByPolicy(usage?.policies ?? []), [usage])
  const mayWrite = allowsAnywhere(useMe().data, 'security.write')
  const policies = query.data ?? []
  const shown = policies.filter((policy) => matches(policy, filters))
  const shadows = policies.filter(({ mode }) => mode === 'shadow').length
  const drafted = useDrafted()
  return (
    <>
      <PageHead
        sentence={
          query.data
            ? t(shadows ? 'sec.sentence.shadow' : 'sec.sentence', { n: policies.length, shadows })
            : t('nav.security')
        }
        detail={usageWords(counts, t)}
        actions={
          mayWrite && (
            <Button size="xs" renderRoot={(props) => <Link to="/security/policies/new" {...props} />}>
              {drafted.includes(NEW) ? t('sec.policy.resume') : t('sec.policy.create')}
            </Button>
          )
        }
      />
      <AppliedPanel />
      <Panel flush>
        <FilterBar filters={filters} set={set} />
        <Loaded query={query} source={t('sec.source.policies')}>
          {(all) =>
            shown.length ? (
              <PolicyTable
                policies={shown}
                counts={counts}
                filters={filters}
                set={set}
                blocked={mayWrite ? undefined : t('sec.blocked')}
              />
            ) : all.length ? (
              <EmptyState title={t('filter.nothing')} next={t('filter.nothing.next')} />
            ) : (
              <EmptyState title={t('sec.empty')} next={t('sec.empty.next')} />
            )
          }
        </Loaded>
      </Panel>
    </>
  )
}

function matches(policy: Policy, { q, target, action, mode }: Filters): boolean {
  const text = `${policy.name} ${policy.target} ${policy.description} ${JSON.stringify(policy.rules)}`
  return (
    text.toLowerCase().includes(q.toLowerCase()) &&
    (!target || policy.target === target || covers(policy.target, target)) &&
    (!action || policy.action === action) &&
    (!mode || policy.mode === mode)
  )
}

function usageWords(counts: ReadonlyMap<string, Counts>, t: ReturnType<typeof useText>): string {
  const sum = (name: keyof Counts) => [...counts.values()].reduce((total, each) => total + each[name], 0)
  return t('sec.usage.sentence', { denied: sum('denied'), n: sum('denied'), shadow: sum('shadow_denied') })
}

function FilterBar({ filters, set }: { filters: Filters; set: (patch: Partial<Filters>) => void }) {
  const t = useText()
  const services = useQuery(queries.services()).data ?? []
  return (
    <div className="filters">
      <TextInput
        size="xs"
        leftSection={<IconSearch size={14} />}
        aria-label={t('sec.search')}
        placeholder={t('sec.search')}
        value={filters.q}
        onChange={(event) => set({ q: event.currentTarget.value })}
      />
      <Select
        size="xs"
        aria-label={t('sec.filter.target')}
        placeholder={t('sec.filter.target')}
        value={filters.target || null}
        data={services.map(({ id }) => id)}
        searchable
        clearable
        onChange={(next) => set({ target: next ?? '' })}
      />
      <Select
        size="xs"
        w={136}
        aria-label={t('sec.policy.action')}
        placeholder={t('sec.filter.action')}
        value={filters.action || null}
        data={(['allow', 'deny'] as const).map((value) => ({ value, label: t(`sec.action.${value}`) }))}
        clearable
        onChange={(next) => set({ action: next ?? '' })}
      />
      <Select
        size="xs"
        w={136}
        aria-label={t('sec.policy.mode')}
        placeholder={t('sec.filter.mode')}
        value={filters.mode || null}
        data={(['enforce', 'shadow'] as const).map((value) => ({ value, label: t(`sec.mode.${value}`) }))}
        clearable
        onChange={(next) => set({ mode: next ?? '' })}
      />
    </div>
  )
}

type TableProps = {
  policies: Policy[]
  counts: ReadonlyMap<string, Counts>
  filters: Filters
  set: (patch: Partial<Filters>) => void
  blocked: string | undefined
}

function PolicyTable({ policies, counts, filters, set, blocked }: TableProps) {
  const t = useText()
  const drafted = useDrafted()
  const columns: Column<Policy>[] = [
    {
      key: 'name',
      header: t('sec.policy'),
      sort: ({ name }) => name,
      cell: ({ name }) => (
        <span className="row">
          <PolicyLink name={name} />
          {drafted.includes(name) && <ToneMark tone="progress" label={t('sec.draft')} />}
        </span>
      ),
    },
    {
      key: 'target',
      header: t('sec.policy.target'),
      sort: ({ target }) => target,
      cell: ({ target }) => targetWords(target, t),
    },
    {
      key: 'action',
      header: t('sec.policy.action'),
      sort: ({ action }) => action,
      cell: ({ action }) => <ActionMark action={action} />,
    },
    {
      key: 'mode',
      header: t('sec.policy.mode'),
      sort: ({ mode }) => mode,
      cell: (policy) => (
        <span className="row sec-nowrap">
          <ModeMark mode={policy.mode} />
          {policy.mode === 'shadow' && <Enforce policy={policy} blocked={blocked} compact />}
        </span>
      ),
    },
    { key: 'rules', header: t('sec.rules'), cell: (policy) => <RulesInShort policy={policy} />, long: true },
    ...countColumns<Policy>(t, ({ name }) => counts.get(name)),
    {
      key: 'changed',
      header: t('sec.changed'),
      sort: ({ updated_at }) => updated_at,
      cell: ({ updated_at }) => <Time at={updated_at} />,
      numeric: true,
      wideOnly: true,
    },
  ]
  return (
    <div className="sec-policies">
      <DataTable
        label={t('sec.tab.policies')}
        columns={columns}
        rows={policies}
        rowKey={({ name }) => name}
        sort={parseSort(filters.sort)}
        onSort={(sort) => set({ sort: sortText(sort) })}
      />
    </div>
  )
}

const SHOWN = 2

export function RulesInShort({ policy }: { policy: Policy }) {
  const t = useText()
  const { rules, action } = policy
  if (rules.length === 0) return <span>{t('sec.rules.none')}</span>
  return (
    <ul className="sec-short">
      {rules.slice(0, SHOWN).map((rule) => (
        <li key={JSON.stringify(rule)}>{ruleWords(rule, action, t)}</li>
      ))}
      {rules.length > SHOWN && <li className="muted">{t('ack.more', { n: rules.length - SHOWN })}</li>}
    </ul>
  )
}
