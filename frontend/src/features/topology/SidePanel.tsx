import { Button, CloseButton } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { Graph, GraphEdge, GraphNode } from '@/api/types'
import { responseShares } from '@/graph/model'
import {
  formatBytesPerSecond,
  formatConnections,
  formatCount,
  formatMs,
  formatRate,
  formatShare,
} from '@/ui/format'
import { HealthMark } from '@/ui/Mark'
import { Facts } from '@/ui/Panel'
import { ResponseBar } from '@/ui/ResponseBar'
import { TrafficCharts } from '@/ui/TrafficCharts'
import { useText } from '@/ui/useText'
import type { TopologyState } from './options'

type SidePanelProps = {
  graph: Graph
  selected: string
  set: (patch: Partial<TopologyState>) => void
}

const CHART_SPAN_S = 900

/** The selected node or edge: its state in words, numbers, series, codes and where to go next. */
export function SidePanel({ graph, selected, set }: SidePanelProps) {
  const t = useText()
  const edge = graph.edges.find((each) => each.id === selected)
  const node = graph.nodes.find((each) => each.id === selected)
  return (
    <aside className="side-panel" aria-label={t('topology.panel')}>
      <header className="side-panel-head">
        <h2>{edge ? <EdgeTitle edge={edge} set={set} /> : selected}</h2>
        <CloseButton size="sm" aria-label={t('action.close')} onClick={() => set({ sel: '' })} />
      </header>
      {edge && <EdgePanel edge={edge} perVersion={graph.by === 'version'} />}
      {node && <NodePanel node={node} graph={graph} set={set} />}
      {!edge && !node && <p className="muted">{t('topology.panel.gone')}</p>}
    </aside>
  )
}

function EdgeTitle({ edge, set }: { edge: GraphEdge; set: SidePanelProps['set'] }) {
  const name = (id: string) => (
    <button type="button" className="link-button" onClick={() => set({ sel: id })}>
      {id}
    </button>
  )
  return (
    <>
      {name(edge.source)} → {name(edge.target)}
    </>
  )
}

function EdgePanel({ edge, perVersion }: { edge: GraphEdge; perVersion: boolean }) {
  const t = useText()
  const flags = Object.entries(edge.flags).filter(([, count]) => count > 0)
  const tcp = edge.protocol === 'tcp'
  const quantile = (name: string) => (tcp ? t('topology.duration', { quantile: name }) : name)
  return (
    <>
      <HealthLine health={<HealthMark health={edge.health} />} reason={edge.reason} />
      <Facts
        items={[
          [t('number.rate'), tcp ? formatConnections(edge.rps) : formatRate(edge.rps)],
          [t('number.errors'), formatShare(edge.error_rate)],
          [quantile('p50'), formatMs(edge.p50_ms)],
          [quantile('p95'), formatMs(edge.p95_ms)],
          [quantile('p99'), formatMs(edge.p99_ms)],
          [
            t('number.throughput'),
            `${formatBytesPerSecond(edge.bytes_in_per_s)} / ${formatBytesPerSecond(edge.bytes_out_per_s)}`,
          ],
          [t('topology.mtls'), edge.secured >= 0.9995 ? t('topology.mtls.all') : formatShare(edge.secured)],
          [
            t('number.sample'),
            t(tcp ? 'number.connections' : 'number.requests', {
              n: edge.sample,
              count: formatCount(edge.sample),
            }),
          ],
        ]}
      />
      <Codes edges={[edge]} flags={flags} />
      {perVersion ? (
        <p className="muted">{t('topology.series.byService')}</p>
      ) : (
        <TrafficCharts query={{ edge: edge.id, step: '10s' }} spanSeconds={CHART_SPAN_S} />
      )}
    </>
  )
}

function NodePanel({ node, graph, set }: { node: GraphNode; graph: Graph; set: SidePanelProps['set'] }) {
  const t = useText()
  const inbound = graph.edges.filter((edge) => edge.target === node.id)
  const outbound = graph.edges.filter((edge) => edge.source === node.id)
  const worst = [...inbound, ...outbound].find(
    (edge) => edge.health === node.health && node.health !== 'healthy',
  )
  const { name, version } = node
  const namespace = node.namespace ?? ''
  return (
    <>
      <HealthLine health={<HealthMark health={node.health} />} reason={worst?.reason ?? ''} />
      <div className="row">
        {node.kind === 'service' && (
          <Button
            size="xs"
            variant="default"
            renderRoot={(props) => (
              <Link to="/services/$namespace/$name" params={{ namespace, name }} {...props} />
            )}
          >
            {t('topology.open')}
          </Button>
        )}
        <Button size="xs" variant="default" onClick={() => set({ focus: node.id, hops: '1' })}>
          {t('topology.focus')}
        </Button>
      </div>
      <Facts
        items={[
          [t('topology.in'), formatRate(node.rps_in)],
          [t('topology.out'), formatRate(node.rps_out)],
          [t('number.errors'), formatShare(node.error_rate)],
          ['p50', formatMs(node.p50_ms)],
          ['p95', formatMs(node.p95_ms)],
          ['p99', formatMs(node.p99_ms)],
          [
            t('service.instances'),
            t('service.healthyOf', { healthy: node.healthy_instances, all: node.instances }),
          ],
        ]}
      />
      <Codes edges={inbound} flags={[]} />
      <EdgeList title={t('topology.callers')} edges={inbound} end="source" set={set} />
      <EdgeList title={t('topology.callees')} edges={outbound} end="target" set={set} />
      {node.kind === 'service' && (
        <TrafficCharts
          query={{ service: `${namespace}/${name}`, version: version ?? undefined, step: '10s' }}
          spanSeconds={CHART_SPAN_S}
        />
      )}
    </>
  )
}

function HealthLine({ health, reason }: { health: ReactNode; reason: string }) {
  return (
    <p className="health-line">
      {health} <span className="muted">{reason}</span>
    </p>
  )
}

function Codes({ edges, flags }: { edges: GraphEdge[]; flags: [string, number][] }) {
  const t = useText()
  const shares = responseShares(edges)
  if (!shares) return null
  return (
    <div>
      <h3 className="side-panel-title">{t('topology.codes')}</h3>
      <ResponseBar shares={shares} />
      {flags.length > 0 && (
        <p className="muted">
          {t('topology.flags')}: {flags.map(([flag, count]) => `${flag} ${formatCount(count)}`).join(', ')}
        </p>
      )}
    </div>
  )
}

type EdgeListProps = {
  title: string
  edges: GraphEdge[]
  end: 'source' | 'target'
  set: SidePanelProps['set']
}

function EdgeList({ title, edges, end, set }: EdgeListProps) {
  if (edges.length === 0) return null
  return (
    <div>
      <h3 className="side-panel-title">{title}</h3>
      <ul className="edge-list">
        {edges.map((edge) => (
          <li key={edge.id}>
            <HealthMark health={edge.health} quiet />
            <button type="button" className="link-button" onClick={() => set({ sel: edge.id })}>
              {edge[end]}
            </button>
            <span className="num">
              {edge.protocol === 'tcp' ? formatConnections(edge.rps) : formatRate(edge.rps)}
            </span>
          </li>
        ))}
      </ul>
    </div>
  )
}
