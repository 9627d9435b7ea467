/** Start a tap, or go on watching one that is under way. */
import './texts'
import './logs.css'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { tapQueries } from '@/api/taps'
import type { Tap } from '@/api/types'
import { type Column, DataTable } from '@/ui/DataTable'
import { ToneMark } from '@/ui/Mark'
import { PageBody, PageHead, Panel } from '@/ui/Panel'
import { EmptyState, Loaded } from '@/ui/States'
import { Time } from '@/ui/Time'
import { useText } from '@/ui/useText'
import { useUrlState } from '@/ui/useUrlState'
import { LogTabs } from './LogTabs'
import { TapForm } from './TapForm'
import { draftOf, LINKED, whatWords } from './tapForm'

export function TapsView() {
  const t = useText()
  const [linked] = useUrlState(LINKED)
  const query = useQuery(tapQueries.list())
  const active = query.data?.filter(({ state }) => state === 'active').length ?? 0
  return (
    <PageBody>
      <LogTabs current="taps" />
      <PageHead
        sentence={active ? t('taps.sentence.active', { n: active }) : t('taps.sentence')}
        detail={t('taps.detail')}
      />
      <Panel title={t('taps.new')}>
        <TapForm key={`${linked.source} ${linked.destination}`} begin={draftOf(linked)} />
      </Panel>
      <Panel title={t('taps.list')} flush>
        <Loaded query={query} source={t('taps.list.source')}>
          {(taps) =>
            taps.length ? (
              <TapTable taps={taps} />
            ) : (
              <EmptyState title={t('taps.list.empty')} next={t('taps.list.empty.next')} />
            )
          }
        </Loaded>
      </Panel>
    </PageBody>
  )
}

function TapTable({ taps }: { taps: Tap[] }) {
  const t = useText()
  const columns: Column<Tap>[] = [
    {
      key: 'what',
      header: t('logs.request'),
      cell: (tap) => (
        <Link to="/logs/taps/$id" params={{ id: tap.id }}>
          {whatWords(tap, t)}
        </Link>
      ),
      long: true,
    },
    {
      key: 'state',
      header: t('taps.state'),
      cell: ({ state }) => (
        <ToneMark tone={state === 'active' ? 'progress' : 'unknown'} label={t(`taps.state.${state}`)} />
      ),
    },
    { key: 'by', header: t('taps.by'), cell: ({ created_by }) => created_by },
    {
      key: 'at',
      header: t('taps.created'),
      cell: ({ created_at }) => <Time at={created_at} />,
      numeric: true,
    },
  ]
  return <DataTable label={t('taps.list')} columns={columns} rows={taps} rowKey={({ id }) => id} />
}
