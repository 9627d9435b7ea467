/** The graph as tables: the same facts for keyboards, screen readers and sorting. With a query, only what it found. */
import { useState } from 'react'
import type { Composed } from '@/graph/compose'
import type { SceneNode } from '@/graph/scene'
import { type Column, DataTable, type Sort } from '@/ui/DataTable'
import { EdgeTable } from '@/ui/EdgeTable'
import { formatCount, formatMs, formatRate, formatShare } from '@/ui/format'
import { HealthMark } from '@/ui/Mark'
import { useText } from '@/ui/useText'
import type { SetState, TopologyState } from './options'

const SEVERITY = { failing: 4, degraded: 3, unknown: 2, healthy: 1, idle: 0 }
const WORST_FIRST: Sort = { key: 'health', descending: true }

export function TableView({
  state,
  set,
  composed,
}: {
  state: TopologyState
  set: SetState
  composed: Composed
}) {
  const t = useText()
  const [edgeSort, setEdgeSort] = useState(WORST_FIRST)
  const [nodeSort, setNodeSort] = useState(WORST_FIRST)
  const { scene, found } = composed
  const isShown = ({ id }: { id: string }) => found === null || found.has(id)
  const select = (id: string, text: string) => (
    <button type="button" className="link-button" onClick={() => set({ sel: id })}>
      {text}
    </button>
  )
  return (
    <div className="edge-table-area">
      <EdgeTable
        label={t('topology.table')}
        nameHeader={t('table.edge')}
        edges={scene.edges.filter(isShown)}
        sort={edgeSort}
        onSort={setEdgeSort}
        selected={state.sel}
        name={(edge) => select(edge.id, `${edge.source} → ${edge.target}`)}
      />
      <DataTable
        label={t('topology.nodes')}
        columns={nodeColumns(t, (node) => select(node.id, node.id))}
        rows={scene.nodes.filter(isShown)}
        rowKey={(node) => node.id}
        sort={nodeSort}
        onSort={setNodeSort}
        selected={state.sel}
      />
    </div>
  )
}

function nodeColumns(
  t: ReturnType<typeof useText>,
  name: (node: SceneNode) => React.ReactNode,
): Column<SceneNode>[] {
  return [
    { key: 'node', header: t('topology.nodes'), cell: name, sort: (node) => node.id },
    {
      key: 'kind',
      header: t('topology.column.kind'),
      cell: (node) => t(`topology.kind.${node.kind}`),
      wideOnly: true,
    },
    {
      key: 'health',
      header: t('table.health'),
      cell: (node) => <HealthMark health={node.health} />,
      sort: (node) => SEVERITY[node.health],
    },
    numeric('in', t('topology.in'), (node) => node.rps_in, formatRate),
    numeric('out', t('topology.out'), (node) => node.rps_out, formatRate),
    numeric('errors', t('number.errors'), (node) => node.error_rate, formatShare),
    numeric('p95', 'p95', (node) => node.p95_ms, formatMs),
    {
      ...numeric('instances', t('service.instances'), (node) => node.instances, formatCount),
      wideOnly: true,
    },
  ]
}

function numeric(
  key: string,
  header: string,
  of: (node: SceneNode) => number | null,
  format: (value: number | null) => string,
): Column<SceneNode> {
  return { key, header, cell: (node) => format(of(node)), sort: of, numeric: true }
}
