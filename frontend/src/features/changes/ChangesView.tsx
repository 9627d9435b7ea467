import { Button, Select, TextInput } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { body, client } from '@/api/client'
import { cursorOf } from '@/api/pages'
import { useMay } from '@/api/session'
import { PageBody, PageHead, Panel } from '@/ui/Panel'
import { EmptyState, ErrorState, TableSkeleton } from '@/ui/States'
import { useText } from '@/ui/useText'
import { useUrlState } from '@/ui/useUrlState'
import { ChangeLogActions } from './ChangeLog'
import { ChangesTable } from './ChangesTable'

const DEFAULTS = { search: '', actor: '', action: '', namespace: '', object: '' }
type Filters = typeof DEFAULTS

export function ChangesView() {
  const t = useText()
  const mayAdminister = useMay('users.write')
  const [filters, set] = useUrlState(DEFAULTS)
  const query = useChangePages(filters)
  const changes = query.data?.pages.flatMap((page) => page.results)
  const newest = changes?.[0]
  const filtered = Object.values(filters).some(Boolean)
  return (
    <PageBody>
      <PageHead
        sentence={
          newest && !filtered
            ? t('changes.sentence', { id: newest.id, actor: newest.actor, summary: newest.summary })
            : t('nav.changes')
        }
        actions={mayAdminister && <ChangeLogActions />}
      />
      <Panel flush>
        <FilterBar filters={filters} set={set} actions={changes?.map((change) => change.action) ?? []} />
        {query.error && (
          <ErrorState source={t('source.changes')} error={query.error} retry={() => query.refetch()} />
        )}
        {!changes && !query.error && <TableSkeleton rows={10} />}
        {changes?.length === 0 && (
          <EmptyState
            title={filtered ? t('filter.nothing') : t('changes.empty')}
            next={filtered ? t('filter.nothing.next') : t('changes.empty.next')}
          />
        )}
        {changes && changes.length > 0 && <ChangesTable changes={changes} />}
      </Panel>
      {query.hasNextPage && (
        <Button
          variant="default"
          size="xs"
          loading={query.isFetchingNextPage}
          onClick={() => query.fetchNextPage()}
        >
          {t('changes.older')}
        </Button>
      )}
    </PageBody>
  )
}

/** Pages follow the cursor in the answer's `next` address. */
function useChangePages(filters: Filters) {
  const wanted = Object.fromEntries(Object.entries(filters).filter(([, value]) => value))
  return useInfiniteQuery({
    queryKey: ['changes', 'pages', wanted],
    initialPageParam: '',
    queryFn: ({ pageParam }) =>
      body(
        client.GET('/api/v1/changes/', { params: { query: { ...wanted, cursor: pageParam || undefined } } }),
      ),
    getNextPageParam: ({ next }) => cursorOf(next),
  })
}

type FilterBarProps = { filters: Filters; set: (patch: Partial<Filters>) => void; actions: string[] }

function FilterBar({ filters, set, actions }: FilterBarProps) {
  const t = useText()
  const known = [...new Set([...actions, filters.action])].filter(Boolean).sort()
  const text = (key: 'search' | 'actor' | 'namespace', label: string) => (
    <TextInput
      size="xs"
      aria-label={label}
      placeholder={label}
      value={filters[key]}
      onChange={(event) => set({ [key]: event.currentTarget.value })}
    />
  )
  return (
    <div className="filters">
      {text('search', t('filter.search'))}
      {text('actor', t('changes.actor'))}
      {text('namespace', t('filter.namespace'))}
      <Select
        size="xs"
        aria-label={t('changes.action')}
        placeholder={t('changes.action')}
        value={filters.action || null}
        onChange={(action) => set({ action: action ?? '' })}
        data={known}
        clearable
      />
    </div>
  )
}
