/** The narrowest policy under which what was observed would still pass, to begin from. */
import '@/ui/fields.css'
import { Select } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { queries } from '@/api/queries'
import { securityQueries } from '@/api/security'
import { allows, useMe } from '@/api/session'
import type { Suggested } from '@/api/types'
import { type Column, DataTable } from '@/ui/DataTable'
import { formatCount, NONE } from '@/ui/format'
import { PageHead, Panel } from '@/ui/Panel'
import { EmptyState, Loaded } from '@/ui/States'
import { useText } from '@/ui/useText'
import { useUrlState } from '@/ui/useUrlState'
import { draftOf } from './draft/policy'
import { ruleWords } from './draft/words'
import { sourceWords, WINDOWS } from './ReplayPanel'
import { StartDraft } from './StartDraft'

const DEFAULTS = { service: '', window: '1h' }

export default function SuggestTab() {
  const t = useText()
  const [{ service, window }, set] = useUrlState(DEFAULTS)
  const services = useQuery(queries.services()).data ?? []
  const query = useQuery(securityQueries.suggest(service, window))
  return (
    <>
      <PageHead
        sentence={service ? t('sec.suggest.sentence', { service }) : t('sec.suggest.ask')}
        detail={t('sec.suggest.how')}
      />
      <Panel>
        <div className="field-row-fields">
          <Select
            size="xs"
            w={232}
            label={t('table.service')}
            value={service || null}
            data={services.map(({ id }) => id)}
            searchable
            onChange={(next) => set({ service: next ?? '' })}
          />
          <Select
            size="xs"
            w={136}
            label={t('sec.window')}
            value={window}
            data={WINDOWS.map((each) => ({ value: each, label: t(`sec.window.${each}`) }))}
            allowDeselect={false}
            onChange={(next) => set({ window: next ?? '1h' })}
          />
        </div>
      </Panel>
      {service && (
        <Loaded query={query} source={t('sec.source.suggestion')}>
          {(suggested) => <Suggestion suggested={suggested} />}
        </Loaded>
      )}
    </>
  )
}

function Suggestion({ suggested }: { suggested: Suggested }) {
  const t = useText()
  const { policy, sources, sampled, strangers } = suggested
  const namespace = policy.target.split('/')[0]
  const mayWrite = allows(useMe().data, 'security.write', namespace)
  if (sources.length === 0)
    return <EmptyState title={t('sec.suggest.nothing')} next={t('sec.suggest.nothing.next')} />
  return (
    <>
      <Panel
        title={t('sec.suggest.policy', { name: policy.name })}
        aside={
          mayWrite && (
            <StartDraft
              label={t('sec.suggest.open')}
              value={() => draftOf({ ...policy, check: null, description: '' })}
            />
          )
        }
      >
        <ul className="sec-short">
          {policy.rules.map((rule) => (
            <li key={JSON.stringify(rule)}>{ruleWords(rule, policy.action, t)}</li>
          ))}
        </ul>
        {strangers > 0 && (
          <p className="notice notice-degraded">
            {t('sec.suggest.strangers', { n: strangers, count: formatCount(strangers) })}
          </p>
        )}
      </Panel>
      <Panel title={t('sec.suggest.seen', { n: sampled, count: formatCount(sampled) })} flush>
        <SourcesTable sources={sources} />
      </Panel>
    </>
  )
}

type Source = Suggested['sources'][number]

function SourcesTable({ sources }: { sources: Source[] }) {
  const t = useText()
  const columns: Column<Source>[] = [
    { key: 'source', header: t('table.caller'), cell: ({ source }) => sourceWords(source, t) },
    { key: 'methods', header: t('sec.list.methods'), cell: ({ methods }) => methods.join(', ') || NONE },
    {
      key: 'paths',
      header: t('sec.list.paths'),
      cell: ({ paths }) => <code>{paths.join(', ') || NONE}</code>,
      long: true,
    },
    {
      key: 'requests',
      header: t('sec.requests'),
      cell: ({ requests }) => formatCount(requests),
      numeric: true,
    },
  ]
  const sorted = [...sources].sort((a, b) => b.requests - a.requests)
  return (
    <DataTable label={t('sec.tab.suggest')} columns={columns} rows={sorted} rowKey={({ source }) => source} />
  )
}
