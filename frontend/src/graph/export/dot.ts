/** The graph in the language of Graphviz, namespaces as clusters. Pure. */
import type { GraphView, NodeView } from '@/graph/model'

const SHAPES: Record<NodeView['kind'], string> = {
  service: 'box',
  gateway: 'cds',
  instance: 'component',
  unknown: 'ellipse',
  external: 'ellipse',
  namespace: 'folder',
}
const COLORS: Record<string, string> = { degraded: '#c47a00', failing: '#bf222b' }

export function toDot({ nodes, edges, boxes }: GraphView, name: string): string {
  const inside = (box: string | null) =>
    nodes.filter((node) => node.box === box).map((node) => `${quoted(node.id)} ${nodeAttributes(node)};`)
  const clusters = boxes.flatMap((box) => [
    `subgraph ${quoted(`cluster_${box.id}`)} {`,
    `  label=${quoted(box.label)};`,
    ...inside(box.id).map(indented),
    '}',
  ])
  const arrows = edges.map(
    ({ source, target, label, health, width, secured }) =>
      `${quoted(source)} -> ${quoted(target)} ${attributes({
        label,
        color: COLORS[health] ?? '#6b717d',
        penwidth: String(Math.max(1, Math.round(width) / 2)),
        style: secured ? 'solid' : 'dashed',
      })};`,
  )
  const lines = ['rankdir=LR;', 'node [fontname="sans-serif"];', ...clusters, ...inside(null), ...arrows]
  return `digraph ${quoted(name)} {\n${lines.map(indented).join('\n')}\n}\n`
}

const indented = (line: string) => `  ${line}`

function nodeAttributes({ label, kind, health }: NodeView): string {
  return attributes({ label, shape: SHAPES[kind], color: COLORS[health] ?? '#41454e' })
}

function attributes(values: Record<string, string>): string {
  return `[${Object.entries(values)
    .map(([name, value]) => `${name}=${quoted(value)}`)
    .join(', ')}]`
}

/** A string of DOT: only the quote and the backslash mean something in it. */
export function quoted(content: string): string {
  return `"${content.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`
}
