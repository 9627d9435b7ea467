/** What every service promises, the most urgent first. */
import { TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { incidentQueries } from '@/api/incidents'
import { type Column, DataTable } from '@/ui/DataTable'
import { formatFactor, formatPercent, NONE } from '@/ui/format'
import { ToneMark } from '@/ui/Mark'
import { Panel } from '@/ui/Panel'
import { EmptyState, Loaded } from '@/ui/States'
import { parseSort, sortText } from '@/ui/urlSort'
import { useText } from '@/ui/useText'
import { useUrlState } from '@/ui/useUrlState'
import {
  BudgetLeft,
  burnClass,
  isInDanger,
  type Promised,
  promisesOf,
  promiseWords,
  StateMark,
} from './parts'

const DEFAULTS = { search: '', sort: '' }

export default function ObjectiveList() {
  const t = useText()
  const [{ search, sort }, set] = useUrlState(DEFAULTS)
  const query = useQuery(incidentQueries.objectives())
  const columns = useColumns()
  return (
    <Panel title={<Sentence promises={query.data && promisesOf(query.data)} />} flush>
      <Loaded query={query} source={t('source.objectives')}>
        {(objectives) => {
          const all = promisesOf(objectives)
          const shown = all.filter(({ service }) => service.includes(search.toLowerCase()))
          if (all.length === 0) {
            return (
              <EmptyState
                title={t('objectives.sentence.none')}
                next={t('objectives.empty.next')}
                action={<Link to="/services">{t('nav.services')}</Link>}
              />
            )
          }
          return (
            <>
              <div className="filters">
                <TextInput
                  size="xs"
                  aria-label={t('objectives.search')}
                  placeholder={t('objectives.search')}
                  value={search}
                  onChange={(event) => set({ search: event.currentTarget.value })}
                />
              </div>
              {shown.length === 0 ? (
                <EmptyState title={t('filter.nothing')} next={t('filter.nothing.next')} />
              ) : (
                <DataTable
                  label={t('alerts.tab.objectives')}
                  columns={columns}
                  rows={shown}
                  rowKey={({ service, kind }) => `${service} ${kind}`}
                  sort={sort ? parseSort(sort) : undefined}
                  onSort={(next) => set({ sort: sortText(next) })}
                />
              )}
            </>
          )
        }}
      </Loaded>
    </Panel>
  )
}

function Sentence({ promises }: { promises: Promised[] | undefined }) {
  const t = useText()
  if (!promises?.length) return t('alerts.tab.objectives')
  const bad = promises.filter(isInDanger)
  const n = promises.length
  const [worst] = bad
  return worst ? (
    <ToneMark
      tone="failing"
      label={t('objectives.sentence.bad', { n, bad: bad.length, service: worst.service })}
    />
  ) : (
    <ToneMark tone="healthy" label={t('objectives.sentence', { n })} />
  )
}

function useColumns(): Column<Promised>[] {
  const t = useText()
  return [
    {
      key: 'service',
      header: t('table.service'),
      cell: ({ service }) => {
        const [namespace = '', name = ''] = service.split('/')
        return (
          <Link
            to="/services/$namespace/$name"
            params={{ namespace, name }}
            search={{ tab: 'objectives' } as never}
          >
            {service}
          </Link>
        )
      },
      sort: ({ service }) => service,
    },
    {
      key: 'promise',
      header: t('objectives.promise'),
      cell: ({ budget }) => promiseWords(budget, t),
      sort: ({ kind }) => kind,
      long: true,
    },
    { key: 'state', header: t('objectives.state'), cell: ({ budget }) => <StateMark budget={budget} /> },
    {
      key: 'actual',
      header: t('objectives.actual'),
      cell: ({ budget: { actual } }) => (actual === null ? NONE : `${formatPercent(actual)}\u00a0%`),
      sort: ({ budget }) => budget.actual,
      numeric: true,
    },
    {
      key: 'left',
      header: t('objectives.left'),
      cell: ({ budget }) => <BudgetLeft budget={budget} />,
      sort: ({ budget }) => budget.budget_left,
      numeric: true,
    },
    {
      key: 'burn',
      header: t('objectives.burn'),
      cell: ({ budget }) => <Burns promised={budget} />,
      sort: ({ budget }) => budget.burn[0]?.long ?? null,
      numeric: true,
      long: true,
    },
  ]
}

/** The burn over each rule's long window. */
function Burns({ promised }: { promised: Promised['budget'] }) {
  return (
    <span className="row row-end">
      {promised.burn.map(({ long_s: span, long, threshold }) => (
        <span key={span} className={burnClass(long, threshold) ?? 'muted'}>
          {formatFactor(long)}
        </span>
      ))}
    </span>
  )
}
