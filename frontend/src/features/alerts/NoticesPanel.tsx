/** What receivers were told, and what could not be told them. */
import { Button, Select } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { incidentQueries, type NoticeState } from '@/api/incidents'
import type { Notice } from '@/api/types'
import type { Translate } from '@/text'
import { type Column, DataTable } from '@/ui/DataTable'
import { formatClock, NONE } from '@/ui/format'
import { ToneMark } from '@/ui/Mark'
import { Panel } from '@/ui/Panel'
import { EmptyState, ErrorState, TableSkeleton } from '@/ui/States'
import { Time } from '@/ui/Time'
import { useText } from '@/ui/useText'
import { useUrlState } from '@/ui/useUrlState'

const STATES = ['all', 'failed', 'trying', 'sent'] as const satisfies NoticeState[]
const DEFAULTS = { notices: 'all' }

export function NoticesPanel() {
  const t = useText()
  const [{ notices: asked }, set] = useUrlState(DEFAULTS)
  const state = STATES.find((each) => each === asked) ?? 'all'
  const query = useInfiniteQuery(incidentQueries.notices(state))
  const notices = query.data?.pages.flatMap(({ results }) => results)
  return (
    <Panel
      title={t('alerts.notices.title')}
      aside={
        <Select
          size="xs"
          w={136}
          aria-label={t('alerts.notices.state')}
          value={state}
          data={STATES.map((each) => ({ value: each, label: t(`alerts.notices.${each}`) }))}
          allowDeselect={false}
          onChange={(next) => set({ notices: next ?? 'all' })}
        />
      }
      flush
    >
      {query.error && (
        <ErrorState source={t('source.notices')} error={query.error} retry={() => query.refetch()} />
      )}
      {!notices && !query.error && <TableSkeleton rows={3} />}
      {notices?.length === 0 && (
        <EmptyState title={t('alerts.notices.empty')} next={t('alerts.notices.empty.next')} />
      )}
      {notices && notices.length > 0 && <NoticeTable notices={notices} />}
      {query.hasNextPage && (
        <p className="table-more">
          <Button variant="default" size="xs" onClick={() => query.fetchNextPage()}>
            {t('alerts.older')}
          </Button>
        </p>
      )}
    </Panel>
  )
}

function NoticeTable({ notices }: { notices: Notice[] }) {
  const t = useText()
  const columns: Column<Notice>[] = [
    {
      key: 'what',
      header: t('alerts.notices.what'),
      cell: ({ titles, group }) => titles.join('; ') || group,
      long: true,
    },
    {
      key: 'to',
      header: t('alerts.notices.to'),
      cell: ({ target }) => <span className="alert-target">{target}</span>,
    },
    { key: 'state', header: t('table.state'), cell: (notice) => <NoticeMark notice={notice} /> },
    {
      key: 'why',
      header: t('alerts.notices.why'),
      cell: ({ error, tries }) => (error ? `${error}, ${t('alerts.notices.tries', { n: tries })}` : NONE),
      long: true,
    },
    {
      key: 'when',
      header: t('alerts.notices.when'),
      cell: ({ sent_at, created_at }) => <Time at={sent_at ?? created_at} />,
      numeric: true,
    },
  ]
  return (
    <DataTable label={t('alerts.notices.title')} columns={columns} rows={notices} rowKey={({ id }) => id} />
  )
}

function NoticeMark({ notice }: { notice: Notice }) {
  const t = useText()
  if (notice.state === 'failed') return <ToneMark tone="failing" label={t('alerts.notices.failed')} />
  if (notice.state === 'sent') return <ToneMark tone="healthy" label={t('alerts.notices.sent')} />
  return <ToneMark tone="progress" label={pendingWords(notice, t)} />
}

function pendingWords({ tries, next_try_at: next }: Notice, t: Translate): string {
  return tries > 0 && next ? t('alerts.notices.next', { at: formatClock(next) }) : t('alerts.notices.pending')
}
