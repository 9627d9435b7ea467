/** Who may call whom by policy, beside who did. */
import { Button, SegmentedControl, Select, TextInput } from '@mantine/core'
import { useMediaQuery } from '@mantine/hooks'
import { IconSearch } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import { queries } from '@/api/queries'
import { securityQueries } from '@/api/security'
import { allows, useMe } from '@/api/session'
import type { Matrix, PolicyAction } from '@/api/types'
import { type Column, DataTable } from '@/ui/DataTable'
import { formatCount, NONE } from '@/ui/format'
import { ToneMark } from '@/ui/Mark'
import { PageHead, Panel } from '@/ui/Panel'
import { BlockSkeleton, EmptyState, Loaded } from '@/ui/States'
import { useText } from '@/ui/useText'
import { useUrlState } from '@/ui/useUrlState'
import { newPolicy, newRule } from './draft/policy'
import { MatrixGrid } from './MatrixGrid'
import { type MatrixFilter, matrixModel, type Pair } from './matrixModel'
import { OutlookGlyph, OutlookMark, PolicyLink } from './parts'
import { sourceWords, WINDOWS } from './ReplayPanel'
import { StartDraft } from './StartDraft'

const DEFAULTS = {
  q: '',
  namespace: '',
  show: 'all',
  window: '5m',
  view: '',
  source: '',
  destination: '',
}
type State = typeof DEFAULTS
type Set = (patch: Partial<State>) => void
const SHOWS = ['all', 'used', 'flagged'] as const
const NARROW = '(max-width: 800px)'

export default function MatrixTab() {
  const t = useText()
  const [state, set] = useUrlState(DEFAULTS)
  const query = useQuery(securityQueries.matrix(state.window, state.namespace))
  const isNarrow = useMediaQuery(NARROW, false, { getInitialValueInEffect: false })
  const view = state.view || (isNarrow ? 'list' : 'grid')
  return (
    <>
      <PageHead
        sentence={query.data ? sentenceOf(query.data, t) : t('sec.tab.matrix')}
        detail={query.data && t('sec.matrix.covered', { seconds: Math.round(query.data.covered_s) })}
      />
      <Panel flush>
        <MatrixFilters state={state} view={view} set={set} />
        <Loaded query={query} source={t('sec.source.matrix')} skeleton={<BlockSkeleton height={420} />}>
          {(matrix) => <MatrixView matrix={matrix} state={state} view={view} set={set} />}
        </Loaded>
      </Panel>
    </>
  )
}

function sentenceOf({ cells }: Matrix, t: ReturnType<typeof useText>): string {
  const flagged = cells.filter(({ disagrees }) => disagrees)
  const used = cells.filter(({ requests }) => requests > 0).length
  const [first] = [...flagged].sort((a, b) => b.requests - a.requests)
  if (!first) return t('sec.matrix.sentence', { n: used })
  const pair = `${sourceWords(first.source, t)} → ${first.destination}`
  return t('sec.matrix.sentence.flagged', { n: flagged.length, pair })
}

function MatrixFilters({ state, view, set }: { state: State; view: string; set: Set }) {
  const t = useText()
  const namespaces = (useQuery(queries.namespaces()).data ?? []).map(({ name }) => name).sort()
  return (
    <div className="filters">
      <TextInput
        size="xs"
        leftSection={<IconSearch size={14} />}
        aria-label={t('services.search')}
        placeholder={t('services.search')}
        value={state.q}
        onChange={(event) => set({ q: event.currentTarget.value })}
      />
      <Select
        size="xs"
        aria-label={t('sec.matrix.namespace')}
        placeholder={t('sec.matrix.namespace')}
        value={state.namespace || null}
        data={namespaces}
        clearable
        onChange={(next) => set({ namespace: next ?? '' })}
      />
      <Select
        size="xs"
        w={144}
        aria-label={t('sec.window')}
        value={state.window}
        data={WINDOWS.map((each) => ({ value: each, label: t(`sec.window.${each}`) }))}
        allowDeselect={false}
        onChange={(next) => set({ window: next ?? '5m' })}
      />
      <SegmentedControl
        size="xs"
        className="sec-which"
        aria-label={t('sec.matrix.show')}
        value={state.show}
        data={SHOWS.map((value) => ({ value, label: t(`sec.matrix.show.${value}`) }))}
        onChange={(show) => set({ show })}
      />
      <SegmentedControl
        size="xs"
        aria-label={t('topology.view')}
        value={view}
        data={[
          { value: 'grid', label: t('sec.matrix.grid') },
          { value: 'list', label: t('sec.matrix.list') },
        ]}
        onChange={(next) => set({ view: next })}
      />
    </div>
  )
}

type ViewProps = { matrix: Matrix; state: State; view: string; set: Set }

function MatrixView({ matrix, state, view, set }: ViewProps) {
  const t = useText()
  const { q, show, source, destination } = state
  const model = useMemo(
    () => matrixModel(matrix, { search: q, show: show as MatrixFilter['show'] }),
    [matrix, q, show],
  )
  const [pointed, setPointed] = useState<Pair | null>(null)
  const pin = (pair: Pair) => set({ source: pair.source, destination: pair.destination })
  const shown = pointed ?? (source && destination ? model.pair(source, destination) : null)
  if (!model.sources.length || !model.destinations.length) {
    return <EmptyState title={t('filter.nothing')} next={t('filter.nothing.next')} />
  }
  return (
    <div className="sec-matrix">
      {view === 'grid' ? (
        <MatrixGrid model={model} pinned={{ source, destination }} onPoint={setPointed} onPin={pin} />
      ) : (
        <PairTable pairs={model.told} onPin={pin} />
      )}
      <aside className="sec-pair" aria-label={t('sec.matrix.details')} aria-live="polite">
        {shown ? <PairDetails pair={shown} /> : <Legend />}
      </aside>
    </div>
  )
}

function Legend() {
  const t = useText()
  return (
    <div className="stack">
      <p className="muted">{t('sec.matrix.hint')}</p>
      <ul className="sec-legend">
        {(['allowed', 'conditional', 'denied'] as const).map((outlook) => (
          <li key={outlook}>
            <OutlookGlyph outlook={outlook} /> {t(`sec.matrix.legend.${outlook}`)}
          </li>
        ))}
        <li>
          <span className="sec-legend-bar" aria-hidden="true" /> {t('sec.matrix.legend.traffic')}
        </li>
        <li>
          <span className="sec-legend-flag" aria-hidden="true" /> {t('sec.matrix.legend.flagged')}
        </li>
      </ul>
    </div>
  )
}

function PairDetails({ pair }: { pair: Pair }) {
  const t = useText()
  const { source, destination, policy, by, requests, denied, why } = pair
  const mayWrite = allows(useMe().data, 'security.write', destination.split('/')[0])
  const isKnown = source.includes('/')
  return (
    <div className="stack">
      <div>
        <strong>{sourceWords(source, t)}</strong>
        <div className="muted">→ {destination}</div>
      </div>
      <OutlookMark outlook={policy} label={t(`sec.matrix.says.${policy}`)} />
      <p>
        {by.length ? (
          <>
            {t('sec.by')}:{' '}
            {by.map((name, index) => (
              <span key={name}>
                {index > 0 && ', '}
                <PolicyLink name={name} />
              </span>
            ))}
          </>
        ) : (
          <span className="muted">{t('sec.matrix.byNone')}</span>
        )}
      </p>
      <p>
        {t('sec.matrix.seen', { n: requests, requests: formatCount(requests), denied: formatCount(denied) })}
      </p>
      {why && (
        <ToneMark tone={why === 'unused' ? 'unknown' : 'degraded'} label={t(`sec.matrix.why.${why}`)} />
      )}
      <div className="row">
        <Button
          size="xs"
          variant="default"
          renderRoot={(props) => (
            <Link
              to="/security"
              search={{ tab: 'explain', source: isKnown ? source : '', service: destination } as never}
              {...props}
            />
          )}
        >
          {t('sec.tab.explain')}
        </Button>
        {mayWrite && isKnown && (
          <StartDraft
            label={t(policy === 'denied' ? 'sec.matrix.draftAllow' : 'sec.matrix.draftDeny')}
            value={() => prefilled(source, destination, policy === 'denied' ? 'allow' : 'deny')}
            quiet
          />
        )}
      </div>
    </div>
  )
}

function prefilled(source: string, destination: string, action: PolicyAction) {
  const nameOf = (service: string) => service.split('/')[1] ?? service
  const rule = newRule()
  return {
    ...newPolicy(destination),
    name: `${nameOf(source)}-to-${nameOf(destination)}`.slice(0, 63),
    action,
    rules: [{ ...rule, from: { ...rule.from, services: [source] } }],
  }
}

function PairTable({ pairs, onPin }: { pairs: Pair[]; onPin: (pair: Pair) => void }) {
  const t = useText()
  const columns: Column<Pair>[] = [
    {
      key: 'pair',
      header: t('sec.matrix.pairHeader'),
      cell: (pair) => (
        <button type="button" className="link-button" onClick={() => onPin(pair)}>
          {sourceWords(pair.source, t)} → {pair.destination}
        </button>
      ),
    },
    { key: 'policy', header: t('sec.policy'), cell: ({ policy }) => <OutlookMark outlook={policy} /> },
    { key: 'by', header: t('sec.by'), cell: ({ by }) => by.join(', ') || t('sec.byDefault') },
    {
      key: 'requests',
      header: t('sec.requests'),
      cell: ({ requests }) => formatCount(requests),
      numeric: true,
    },
    {
      key: 'denied',
      header: t('sec.usage.denied'),
      cell: ({ denied }) => <span className={denied ? 'text-failing' : 'muted'}>{formatCount(denied)}</span>,
      numeric: true,
    },
    {
      key: 'why',
      header: t('sec.matrix.disagreement'),
      cell: ({ why, disagrees }) =>
        why ? (
          <ToneMark tone={disagrees ? 'degraded' : 'unknown'} label={t(`sec.matrix.why.${why}`)} />
        ) : (
          NONE
        ),
      long: true,
    },
  ]
  return (
    <DataTable
      label={t('sec.tab.matrix')}
      columns={columns}
      rows={pairs}
      rowKey={({ source, destination }) => `${source} ${destination}`}
    />
  )
}
