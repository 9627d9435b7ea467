/** The silences that last, and the end of each. */
import { Button } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useMemo } from 'react'
import { ALERTS, endSilence, incidentQueries } from '@/api/incidents'
import { queries } from '@/api/queries'
import { allows, allowsAnywhere, useMe } from '@/api/session'
import type { Silence } from '@/api/types'
import type { Translate } from '@/text'
import { type Column, DataTable } from '@/ui/DataTable'
import { Panel } from '@/ui/Panel'
import { EmptyState, ErrorState, Loaded } from '@/ui/States'
import { Time } from '@/ui/Time'
import { useText } from '@/ui/useText'
import { ruleWords } from './parts'
import { NewSilenceButton } from './SilenceDialog'

export default function SilencesTab() {
  const t = useText()
  const me = useMe().data
  const query = useQuery(incidentQueries.silences())
  const namespaces = useQuery(queries.namespaces())
  const names = useMemo(() => namespaces.data?.map(({ name }) => name) ?? [], [namespaces.data])
  return (
    <Panel
      title={t('alerts.tab.silences')}
      aside={allowsAnywhere(me, 'traffic.write') && <NewSilenceButton namespaces={names} />}
      flush
    >
      <Loaded query={query} source={t('source.silences')}>
        {(silences) =>
          silences.length ? (
            <SilenceTable silences={silences} />
          ) : (
            <EmptyState title={t('alerts.silences.empty')} next={t('alerts.silences.empty.next')} />
          )
        }
      </Loaded>
    </Panel>
  )
}

function SilenceTable({ silences }: { silences: Silence[] }) {
  const t = useText()
  const columns: Column<Silence>[] = [
    { key: 'what', header: t('alerts.silence.scope'), cell: (silence) => whatWords(silence, t) },
    { key: 'reason', header: t('review.reason'), cell: ({ reason }) => reason, long: true },
    { key: 'by', header: t('alerts.silence.by'), cell: ({ created_by }) => created_by },
    {
      key: 'until',
      header: t('alerts.silence.until'),
      cell: ({ until }) => <Time at={until} />,
      numeric: true,
    },
    {
      key: 'actions',
      header: t('table.actions'),
      cell: (silence) => <EndSilence silence={silence} />,
      numeric: true,
    },
  ]
  return (
    <DataTable label={t('alerts.tab.silences')} columns={columns} rows={silences} rowKey={({ id }) => id} />
  )
}

/** "Edge fails, shop/a->shop/b", "Every rule, shop". */
export function whatWords({ rule, object, namespace }: Silence, t: Translate): string {
  const which = rule ? ruleWords(rule, t) : t('alerts.silence.rule.all')
  const [, name = ''] = object.split(/:(.*)/s)
  return `${which}, ${name || namespace || t('alerts.silence.namespace.all')}`
}

function EndSilence({ silence }: { silence: Silence }) {
  const t = useText()
  const cache = useQueryClient()
  const mayEnd = allows(useMe().data, 'traffic.write', silence.namespace || undefined)
  const end = useMutation({
    mutationFn: () => endSilence(silence.id),
    onSuccess: () => cache.invalidateQueries({ queryKey: [ALERTS] }),
  })
  if (!mayEnd) return null
  return (
    <>
      <Button
        size="compact-xs"
        variant="default"
        aria-label={t('alerts.silence.endOf', { what: whatWords(silence, t) })}
        loading={end.isPending}
        onClick={() => end.mutate()}
      >
        {t('alerts.silence.end')}
      </Button>
      {end.error && <ErrorState source={t('source.silences')} error={end.error} />}
    </>
  )
}
