/** Where one is signed in, and ending that. */
import { Button } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { body, client } from '@/api/client'
import { queries } from '@/api/queries'
import type { Session } from '@/api/types'
import { type Column, DataTable } from '@/ui/DataTable'
import { NONE } from '@/ui/format'
import { Panel } from '@/ui/Panel'
import { ErrorState, Loaded } from '@/ui/States'
import { Time } from '@/ui/Time'
import { useText } from '@/ui/useText'
import { browserOf } from './agents'

export function Sessions() {
  const t = useText()
  const cache = useQueryClient()
  const query = useQuery(queries.sessions())
  const onSuccess = () => cache.invalidateQueries({ queryKey: ['sessions'] })
  const end = useMutation({ mutationFn: endSession, onSuccess })
  const endOthers = useMutation({ mutationFn: () => endSessionsOf(''), onSuccess })
  const error = end.error ?? endOthers.error
  const others = query.data?.some((session) => !session.current)
  const columns: Column<Session>[] = [
    {
      key: 'agent',
      header: t('sessions.browser'),
      cell: ({ agent }) => <span title={agent}>{browserOf(agent) || NONE}</span>,
    },
    { key: 'address', header: t('sessions.address'), cell: ({ address }) => <code>{address}</code> },
    { key: 'created', header: t('sessions.since'), cell: ({ created_at }) => <Time at={created_at} /> },
    { key: 'seen', header: t('sessions.seen'), cell: ({ last_seen_at }) => <Time at={last_seen_at} /> },
    { key: 'expires', header: t('tokens.expires'), cell: ({ expires_at }) => <Time at={expires_at} /> },
    {
      key: 'end',
      header: t('table.actions'),
      cell: (session) =>
        session.current ? (
          t('sessions.current')
        ) : (
          <Button
            size="compact-xs"
            variant="default"
            aria-label={t('sessions.end.named', { address: session.address })}
            onClick={() => end.mutate(session.id)}
          >
            {t('sessions.end')}
          </Button>
        ),
      numeric: true,
    },
  ]
  return (
    <Panel
      title={t('settings.sessions')}
      flush
      aside={
        others && (
          <Button
            size="compact-xs"
            variant="default"
            loading={endOthers.isPending}
            onClick={() => endOthers.mutate()}
          >
            {t('sessions.end.others')}
          </Button>
        )
      }
    >
      {error && <ErrorState source={t('settings.sessions')} error={error} />}
      <Loaded query={query} source={t('settings.sessions')}>
        {(sessions) => (
          <DataTable
            label={t('settings.sessions')}
            columns={columns}
            rows={sessions}
            rowKey={({ id }) => id}
          />
        )}
      </Loaded>
    </Panel>
  )
}

const endSession = (session_id: string) =>
  body(client.DELETE('/api/v1/sessions/{session_id}/', { params: { path: { session_id } } }))

/** Ends all sessions of a user but this one; an empty name is one's own. */
export const endSessionsOf = (username: string) =>
  body(client.DELETE('/api/v1/sessions/', { params: { query: { username } } }))
