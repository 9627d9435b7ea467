/** Changes of security that one person proposed and another decides, and where that is the rule. */
import './texts'
import './proposals.css'
import { SegmentedControl, Select } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { proposalQueries } from '@/api/proposals'
import type { Proposal, ReviewRules } from '@/api/types'
import type { Translate } from '@/text'
import { type Column, DataTable } from '@/ui/DataTable'
import { ToneMark } from '@/ui/Mark'
import { PageHead, Panel } from '@/ui/Panel'
import { EmptyState, Loaded } from '@/ui/States'
import { Time } from '@/ui/Time'
import { useText } from '@/ui/useText'
import { useUrlState } from '@/ui/useUrlState'
import { ProposalDetail } from './ProposalDetail'
import { RulesPanel } from './RulesPanel'

const DEFAULTS = { show: 'open', namespace: '', sel: '' }
const SHOWN = ['open', 'decided'] as const
const TONE = { open: 'progress', applied: 'healthy', rejected: 'failing', withdrawn: 'unknown' } as const

export default function ProposalsTab() {
  const t = useText()
  const [{ show, namespace, sel }, set] = useUrlState(DEFAULTS)
  const query = useQuery(proposalQueries.all())
  const rules = useQuery(proposalQueries.rules()).data
  const all = query.data ?? []
  const open = all.filter(({ state }) => state === 'open').length
  return (
    <>
      <PageHead
        sentence={query.data ? t('proposals.sentence', { n: open }) : t('sec.tab.proposals')}
        detail={rules && rulesWords(rules, t)}
      />
      <Panel flush>
        <div className="filters">
          <SegmentedControl
            size="xs"
            aria-label={t('table.state')}
            value={show}
            data={SHOWN.map((value) => ({ value, label: t(`proposals.show.${value}`) }))}
            onChange={(next) => set({ show: next, sel: '' })}
          />
          <Select
            size="xs"
            aria-label={t('proposals.namespace')}
            placeholder={t('proposals.namespace')}
            value={namespace || null}
            data={[...new Set(all.map((each) => each.namespace).filter(Boolean))].sort()}
            clearable
            onChange={(next) => set({ namespace: next ?? '' })}
          />
        </div>
        <Loaded query={query} source={t('sec.tab.proposals')}>
          {(proposals) => {
            const shown = proposals.filter(
              (each) =>
                String(each.id) === sel ||
                ((each.state === 'open') === (show === 'open') &&
                  (!namespace || each.namespace === namespace)),
            )
            return shown.length ? (
              <ProposalTable proposals={shown} sel={sel} onSelect={(next) => set({ sel: next })} />
            ) : (
              <EmptyState
                title={t(`proposals.empty.${show === 'open' ? 'open' : 'decided'}`)}
                next={t('proposals.empty.next')}
              />
            )
          }}
        </Loaded>
      </Panel>
      <RulesPanel />
    </>
  )
}

function rulesWords({ mesh, namespaces }: ReviewRules, t: Translate): string {
  if (mesh) return t('proposals.rules.mesh')
  if (!namespaces.length) return t('proposals.rules.nowhere')
  return t('proposals.rules.some', { namespaces: namespaces.join(', ') })
}

type TableProps = { proposals: Proposal[]; sel: string; onSelect: (id: string) => void }

function ProposalTable({ proposals, sel, onSelect }: TableProps) {
  const t = useText()
  const columns: Column<Proposal>[] = [
    {
      key: 'what',
      header: t('proposals.change'),
      cell: ({ id, object, summary }) => (
        <button
          type="button"
          className="link-button proposal-open"
          aria-expanded={sel === String(id)}
          onClick={() => onSelect(sel === String(id) ? '' : String(id))}
        >
          #{id} {object}: {summary}
        </button>
      ),
      long: true,
    },
    { key: 'author', header: t('proposals.author'), cell: ({ author }) => author },
    { key: 'why', header: t('table.why'), cell: ({ reason }) => reason, long: true },
    {
      key: 'at',
      header: t('proposals.at'),
      cell: ({ created_at }) => <Time at={created_at} />,
      numeric: true,
    },
    {
      key: 'state',
      header: t('table.state'),
      cell: ({ state, decided_by }) => (
        <ToneMark tone={TONE[state]} label={t(`proposals.state.${state}`, { by: decided_by })} />
      ),
    },
  ]
  return (
    <DataTable
      label={t('sec.tab.proposals')}
      columns={columns}
      rows={proposals}
      rowKey={({ id }) => String(id)}
      selected={sel}
      detail={(proposal) => <ProposalDetail proposal={proposal} />}
    />
  )
}
