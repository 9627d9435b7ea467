/** The first page: one sentence, the worst edges, what fires, what burns, and what changed. */
import { Button } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import { useFrame } from '@/api/freshness'
import { useFiringAlerts } from '@/api/incidents'
import { queries } from '@/api/queries'
import { allows, useMe } from '@/api/session'
import type { Change, Overview } from '@/api/types'
import { useGraph } from '@/api/useLive'
import { FiringPanel } from '@/features/alerts/FiringPanel'
import { ChangesTable } from '@/features/changes/ChangesTable'
import { chartMarks } from '@/features/changes/marks'
import { RevertButton } from '@/features/changes/RevertButton'
import { DangerPanel } from '@/features/objectives/DangerPanel'
import { CertificatesPanel } from '@/features/overview/CertificatesPanel'
import { headline } from '@/features/overview/headline'
import { SyncPanel } from '@/features/overview/SyncPanel'
import { useIncident } from '@/features/overview/useIncident'
import { WorstEdges } from '@/features/overview/WorstEdges'
import { ActiveRollouts } from '@/features/rollouts/ActiveRollouts'
import { AckBar } from '@/ui/AckBar'
import { formatCount, formatRate, formatShare } from '@/ui/format'
import { HealthMark, ToneMark } from '@/ui/Mark'
import { PageBody, PageHead, Panel } from '@/ui/Panel'
import { EmptyState, Loaded, TableSkeleton } from '@/ui/States'
import { TrafficCharts } from '@/ui/TrafficCharts'
import { useText } from '@/ui/useText'

const GRAPH = { window: '60s', by: 'service' } as const
const CHANGES = 8

export function OverviewPage() {
  const t = useText()
  const graph = useGraph(GRAPH)
  useFrame(graph.data?.age_s, graph.dataUpdatedAt)
  const { overview, worst } = useIncident(graph.data)
  const [undone, setUndone] = useState<number | null>(null)
  const undo = useUndo(setUndone)
  const answer = graph.data && headline(graph.data, worst, t)
  const summary = graph.data?.summary
  const cause = worst.find(({ edge }) => edge.id === answer?.worst?.id)?.change
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
            <>
              <Button
                size="xs"
                renderRoot={(props) => (
                  <Link
                    to="/topology"
                    search={{ sel: answer.worst?.id, focus: answer.worst?.target, hops: '1' } as never}
                    {...props}
                  />
                )}
              >
                {t('overview.look')}
              </Button>
              <Button
                size="xs"
                variant="default"
                renderRoot={(props) => (
                  <Link to="/traces" search={{ edge: answer.worst?.id } as never} {...props} />
                )}
              >
                {t('overview.traces')}
              </Button>
              {cause && undo(cause, false)}
            </>
          )
        }
      />
      {undone !== null && <AckBar revision={undone} />}
      <Panel title={t('overview.worst')} flush>
        <Loaded query={graph} source={t('source.graph')} skeleton={<TableSkeleton rows={3} />}>
          {({ edges }) =>
            worst.length > 0 ? (
              <WorstEdges edges={worst} undo={undo} />
            ) : edges.length > 0 ? (
              <p className="overview-quiet">
                <ToneMark tone="healthy" label={t('overview.calm')} />{' '}
                <span className="muted">{t('overview.calm.next')}</span>
              </p>
            ) : (
              <EmptyState title={t('topology.empty')} next={t('topology.empty.next')} />
            )
          }
        </Loaded>
      </Panel>
      <Loaded query={overview} source={t('source.overview')}>
        {(known) => <Dangers overview={known} />}
      </Loaded>
      <ActiveRollouts />
      <Changes undo={undo} />
    </PageBody>
  )
}

/** What was promised and is in danger, what fires, what ends soon; one quiet line where there is nothing. */
function Dangers({ overview }: { overview: Overview }) {
  const t = useText()
  const alerts = useFiringAlerts().data ?? overview.alerts
  const { objectives, certificates } = overview
  if (alerts.length + objectives.length + certificates.length === 0) {
    return <p className="muted">{t('overview.quiet')}</p>
  }
  return (
    <div className="overview-dangers">
      {alerts.length > 0 && <FiringPanel alerts={alerts} />}
      {objectives.length > 0 && <DangerPanel objectives={objectives} />}
      <CertificatesPanel certificates={certificates} />
    </div>
  )
}

type Undo = (change: Change, compact?: boolean) => React.ReactNode

/** The button that undoes a change, where it can be undone and one may. */
function useUndo(onReverted: (revision: number) => void): Undo {
  const t = useText()
  const me = useMe().data
  return (change, compact = true) =>
    change.revertible &&
    allows(me, 'traffic.write', change.namespace || undefined) && (
      <RevertButton
        change={change}
        label={t('overview.undo', { id: change.id })}
        onReverted={onReverted}
        compact={compact}
      />
    )
}

function Changes({ undo }: { undo: Undo }) {
  const t = useText()
  const changes = useQuery(queries.changes({ page_size: CHANGES }))
  const marks = useMemo(() => chartMarks(changes.data?.results ?? []), [changes.data])
  return (
    <>
      <Panel title={t('overview.traffic')} aside={t('service.last15')}>
        <TrafficCharts query={{ step: '10s' }} spanSeconds={900} marks={marks} wide />
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
                <ChangesTable changes={results} action={(change) => undo(change)} />
              ) : (
                <EmptyState title={t('changes.empty')} next={t('changes.empty.next')} />
              )
            }
          </Loaded>
        </Panel>
        <SyncPanel />
      </div>
    </>
  )
}
