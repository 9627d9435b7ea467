import { Link } from '@tanstack/react-router'
import type { ServiceTraffic } from '@/api/types'
import { EdgeTable } from '@/ui/EdgeTable'
import { Panel } from '@/ui/Panel'
import { EmptyState } from '@/ui/States'
import type { ChartMark } from '@/ui/TimeChart'
import { useText } from '@/ui/useText'
import { SeriesPanel } from './SeriesPanel'

type TrafficTabProps = { service: string; traffic: ServiceTraffic; marks: ChartMark[] }

export function TrafficTab({ service, traffic, marks }: TrafficTabProps) {
  const t = useText()
  return (
    <>
      <SeriesPanel service={service} marks={marks} />
      <EdgePanel title={t('service.in')} edges={traffic.in} end="source" empty={t('service.in.empty')} />
      <EdgePanel title={t('service.out')} edges={traffic.out} end="target" empty={t('service.out.empty')} />
    </>
  )
}

type EdgePanelProps = { title: string; edges: ServiceTraffic['in']; end: 'source' | 'target'; empty: string }

function EdgePanel({ title, edges, end, empty }: EdgePanelProps) {
  const t = useText()
  return (
    <Panel title={title} flush>
      {edges.length === 0 ? (
        <EmptyState title={empty} next={t('service.traffic.next')} />
      ) : (
        <EdgeTable
          label={title}
          nameHeader={end === 'source' ? t('table.caller') : t('table.callee')}
          edges={edges}
          name={(edge) => (
            <Link to="/topology" search={{ sel: edge.id } as never}>
              {edge[end]}
            </Link>
          )}
        />
      )}
    </Panel>
  )
}
