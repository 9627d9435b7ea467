import { Button, CloseButton } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { GraphBy, GraphEdge } from '@/api/types'
import { collapsedId, standIns } from '@/graph/collapse'
import type { Composed } from '@/graph/compose'
import { responseShares } from '@/graph/model'
import { boxOfNode, type Scene, type SceneNode, serviceOf } from '@/graph/scene'
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
import { type SetState, type TopologyState, togglePatch } from './options'

type SidePanelProps = {
  graph: Scene
  by: GraphBy
  composed: Composed
  state: TopologyState
  set: SetState
  /** The graph is of a past moment; charts are not. */
  past: boolean
}

const CHART_SPAN_S = 900
const MOST_LISTED = 50

/** The selected node or edge: its state in words, numbers, series, codes and where to go next. */
export function SidePanel({ graph, by, composed, state, set, past }: SidePanelProps) {
  const t = useText()
  const selected = state.sel
  const { scene, open, closed } = composed
  const edge = scene.edges.find((each) => each.id === selected)
  const node = scene.nodes.find((each) => each.id === selected)
  const drawnAs = standIns(open, closed)
  const merged = edge
    ? open.edges.filter(
        (each) => drawnAs(each.source) === edge.source && drawnAs(each.target) === edge.target,
      )
    : []
  return (
    <aside className="side-panel" aria-label={t('topology.panel')}>
      <header className="side-panel-head">
        <h2>{edge ? <EdgeTitle edge={edge} set={set} /> : selected}</h2>
        <CloseButton size="sm" aria-label={t('action.close')} onClick={() => set({ sel: '' })} />
      </header>
      {edge && <EdgePanel edge={edge} merged={merged} by={by} set={set} past={past} />}
      {node?.kind === 'namespace' && (
        <NamespacePanel node={node} composed={composed} state={state} set={set} />
      )}
      {node && node.kind !== 'namespace' && (
        <NodePanel node={node} graph={graph} state={state} set={set} past={past} />
      )}
      {!edge && !node && <p className="muted">{t('topology.panel.gone')}</p>}
    </aside>
  )
}

function EdgeTitle({ edge, set }: { edge: GraphEdge; set: SetState }) {
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

type EdgePanelProps = { edge: GraphEdge; merged: GraphEdge[]; by: GraphBy; set: SetState; past: boolean }

function EdgePanel({ edge, merged, by, set, past }: EdgePanelProps) {
  const t = useText()
  const several = merged.length > 1 || merged.some((each) => each.id !== edge.id)
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
      {several && (
        <>
          <p className="muted">{t('topology.merged', { n: merged.length })}</p>
          <EdgeList title={t('topology.table')} edges={merged} end="both" set={set} />
        </>
      )}
      {by !== 'service' && <p className="muted">{t('topology.series.byService')}</p>}
      {by === 'service' &&
        !several &&
        (past ? (
          <NoCharts />
        ) : (
          <TrafficCharts query={{ edge: edge.id, step: '10s' }} spanSeconds={CHART_SPAN_S} />
        ))}
    </>
  )
}

type NodePanelProps = { node: SceneNode; graph: Scene; state: TopologyState; set: SetState; past: boolean }

function NodePanel({ node, graph, state, set, past }: NodePanelProps) {
  const t = useText()
  const inbound = graph.edges.filter((edge) => edge.target === node.id)
  const outbound = graph.edges.filter((edge) => edge.source === node.id)
  const worst = [...inbound, ...outbound].find(
    (edge) => edge.health === node.health && node.health !== 'healthy',
  )
  const { name, version } = node
  const namespace = node.namespace ?? ''
  const box = boxOfNode(node)
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
        <Button size="xs" variant="default" onClick={() => set({ focus: serviceOf(node) })}>
          {t('topology.focus')}
        </Button>
        {box && (
          <Button
            size="xs"
            variant="default"
            onClick={() => set({ ...togglePatch(state, box, false), sel: collapsedId(box) })}
          >
            {t('topology.boxes.close', { namespace: box })}
          </Button>
        )}
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
      {node.kind === 'service' && past && <NoCharts />}
      {node.kind === 'service' && !past && (
        <TrafficCharts
          query={{ service: `${namespace}/${name}`, version: version ?? undefined, step: '10s' }}
          spanSeconds={CHART_SPAN_S}
        />
      )}
    </>
  )
}

type NamespacePanelProps = Omit<SidePanelProps, 'graph' | 'by' | 'past'> & { node: SceneNode }

/** A collapsed namespace: what crosses its border, and who is in it. */
function NamespacePanel({ node, composed, state, set }: NamespacePanelProps) {
  const t = useText()
  const members = composed.open.nodes.filter((each) => boxOfNode(each) === node.name)
  const edges = composed.scene.edges
  const open = togglePatch(state, node.name, true)
  return (
    <>
      <HealthLine health={<HealthMark health={node.health} />} reason={node.reason} />
      <div className="row">
        <Button size="xs" variant="default" onClick={() => set({ ...open, sel: '' })}>
          {t('topology.boxes.open', { namespace: node.name })}
        </Button>
      </div>
      <Facts
        items={[
          [t('topology.in'), formatRate(node.rps_in)],
          [t('topology.out'), formatRate(node.rps_out)],
          [t('number.errors'), formatShare(node.error_rate)],
          [
            t('service.instances'),
            t('service.healthyOf', { healthy: node.healthy_instances, all: node.instances }),
          ],
        ]}
      />
      <EdgeList
        title={t('topology.callers')}
        edges={edges.filter((edge) => edge.target === node.id)}
        end="source"
        set={set}
      />
      <EdgeList
        title={t('topology.callees')}
        edges={edges.filter((edge) => edge.source === node.id)}
        end="target"
        set={set}
      />
      <div>
        <h3 className="side-panel-title">{t('topology.members')}</h3>
        <ul className="edge-list">
          {members.slice(0, MOST_LISTED).map((member) => (
            <li key={member.id}>
              <HealthMark health={member.health} quiet />
              <button type="button" className="link-button" onClick={() => set({ ...open, sel: member.id })}>
                {member.name}
                {member.version && `@${member.version}`}
              </button>
              <span className="num">{formatRate(member.rps_in)}</span>
            </li>
          ))}
        </ul>
        {members.length > MOST_LISTED && (
          <p className="muted">{t('ack.more', { n: members.length - MOST_LISTED })}</p>
        )}
      </div>
    </>
  )
}

function NoCharts() {
  return <p className="muted">{useText()('topology.replay.noSeries')}</p>
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
  end: 'source' | 'target' | 'both'
  set: SetState
}

function EdgeList({ title, edges, end, set }: EdgeListProps) {
  if (edges.length === 0) return null
  return (
    <div>
      <h3 className="side-panel-title">{title}</h3>
      <ul className="edge-list">
        {edges.slice(0, MOST_LISTED).map((edge) => (
          <li key={edge.id}>
            <HealthMark health={edge.health} quiet />
            <button type="button" className="link-button" onClick={() => set({ sel: edge.id })}>
              {end === 'both' ? `${edge.source} → ${edge.target}` : edge[end]}
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
