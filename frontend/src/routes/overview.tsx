/** The first page: one sentence, the worst edges, and what changed. */
import { Button } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useMemo } from 'react'
import { useFrame } from '@/api/freshness'
import { queries } from '@/api/queries'
import { useGraph } from '@/api/useLive'
import { ChangesTable } from '@/features/changes/ChangesTable'
import { chartMarks } from '@/features/changes/marks'
import { headline, rankEdges } from '@/features/overview/headline'
import { SyncPanel } from '@/features/overview/SyncPanel'
import { ActiveRollouts } from '@/features/rollouts/ActiveRollouts'
import { EdgeTable } from '@/ui/EdgeTable'
import { formatCount, formatRate, formatShare } from '@/ui/format'
import { HealthMark } from '@/ui/Mark'
import { PageBody, PageHead, Panel } from '@/ui/Panel'
import { EmptyState, Loaded, TableSkeleton } from '@/ui/States'
import { TrafficCharts } from '@/ui/TrafficCharts'
import { useNow } from '@/ui/useNow'
import { useText } from '@/ui/useText'

const GRAPH = { window: '60s', by: 'service' } as const
const WORST = 8
const CHANGES = 8

export function OverviewPage() {
  const t = useText()
  const graph = useGraph(GRAPH)
  useFrame(graph.data?.age_s, graph.dataUpdatedAt)
  const changes = useQuery(queries.changes({ page_size: CHANGES }))
  const recent = useMemo(() => changes.data?.results ?? [], [changes.data])
  const marks = useMemo(() => chartMarks(recent), [recent])
  const now = useNow(10_000)
  const answer = graph.data && headline(graph.data, recent, now, t)
  const summary = graph.data?.summary
  const worst = useMemo(() => rankEdges(graph.data?.edges ?? []).slice(0, WORST), [graph.data])
  return (
    <PageBody>
      <PageHead
        sentence={
          <span className="sentence">
            {answer ? <HealthMark health={answer.health} label={answer.text} /> : t('nav.overview')}
          </span>
        }
        detail={
          summary &&
          t('overview.detail', {
            rate: formatRate(summary.rps),
            errors: formatShare(summary.error_rate),
            services: formatCount(graph.data?.nodes.length),
          })
        }
        actions={
          answer?.worst && (
            <Button
              size="xs"
              renderRoot={(props) => (
                <Link
                  to="/topology"
                  search={{ sel: answer.worst?.id, focus: answer.worst?.target } as never}
                  {...props}
                />
              )}
            >
              {t('overview.look')}
            </Button>
          )
        }
      />
      <ActiveRollouts />
      <Panel title={t('overview.traffic')} aside={t('service.last15')}>
        <TrafficCharts query={{ step: '10s' }} spanSeconds={900} marks={marks} wide />
      </Panel>
      <Panel title={t('overview.worst')} flush>
        <Loaded query={graph} source={t('source.graph')} skeleton={<TableSkeleton rows={WORST} />}>
          {() =>
            worst.length ? (
              <EdgeTable
                label={t('overview.worst')}
                nameHeader={t('table.edge')}
                edges={worst}
                name={(edge) => (
                  <Link to="/topology" search={{ sel: edge.id, focus: edge.target } as never}>
                    {edge.source} → {edge.target}
                  </Link>
                )}
              />
            ) : (
              <EmptyState title={t('topology.empty')} next={t('topology.empty.next')} />
            )
          }
        </Loaded>
      </Panel>
      <div className="columns columns-wide">
        <Panel
          title={t('overview.changes')}
          aside={<Link to="/changes">{t('overview.allChanges')}</Link>}
          flush
        >
          <Loaded query={changes} source={t('source.changes')}>
            {({ results }) =>
              results.length ? (
                <ChangesTable changes={results} />
              ) : (
                <EmptyState title={t('changes.empty')} next={t('changes.empty.next')} />
              )
            }
          </Loaded>
        </Panel>
        <SyncPanel />
      </div>
    </PageBody>
  )
}
