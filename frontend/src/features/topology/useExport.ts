import { useQuery } from '@tanstack/react-query'
import { queries } from '@/api/queries'
import type { Graph } from '@/api/types'
import type { Composed } from '@/graph/compose'
import { toDot } from '@/graph/export/dot'
import { asBlob, download, type FileKind, fileName, toPng } from '@/graph/export/files'
import { toSvg } from '@/graph/export/svg'
import { readPalette } from '@/graph/renderer'
import { encodeLayout, MOST_LETTERS } from '@/graph/sharedLayout'
import { formatAbsolute } from '@/ui/format'
import { useText } from '@/ui/useText'
import type { TopologyState } from './options'
import type { Drawing } from './useDrawing'

type Export = {
  save: (kind: FileKind) => Promise<void>
  share: () => Promise<void>
}

/** Files and links of the graph as it is shown; `say` tells how it went. */
export function useExport(
  graph: Graph | undefined,
  composed: Composed,
  drawing: Drawing,
  state: TopologyState,
  say: (text: string) => void,
): Export {
  const t = useText()
  const mesh = useQuery(queries.info()).data?.trust_domain ?? 'mesh'
  const { view, positions } = drawing

  const blob = async (kind: FileKind, of: Graph): Promise<Blob> => {
    if (kind === 'json')
      return asBlob(JSON.stringify(shownData(mesh, of, composed, drawing, state), null, 2), kind)
    if (kind === 'dot') return asBlob(toDot(view, mesh), kind)
    const moment = of.as_of ? formatAbsolute(of.as_of) : ''
    const svg = toSvg(
      view,
      positions,
      readPalette(document.documentElement),
      `${mesh} · ${of.window_s} s · ${moment}`,
    )
    return kind === 'svg' ? asBlob(svg.svg, kind) : toPng(svg)
  }
  const save = async (kind: FileKind) => {
    if (!graph) return
    try {
      download(await blob(kind, graph), fileName(mesh, graph.window_s, graph.as_of, kind))
    } catch (error) {
      say(t('topology.export.failed', { reason: error instanceof Error ? error.message : String(error) }))
    }
  }
  const share = async () => {
    const code = await encodeLayout(drawing.layout.positions)
    if (code.length > MOST_LETTERS) {
      say(t('topology.share.tooLarge'))
      return
    }
    const address = new URL(window.location.href)
    address.searchParams.set('layout', code)
    await navigator.clipboard.writeText(address.href)
    say(t('topology.share.copied'))
  }
  return { save, share }
}

/** The graph as it is shown: of what, what was chosen, and every node and edge drawn, with its place. */
export function shownData(
  mesh: string,
  graph: Pick<Graph, 'as_of' | 'window_s' | 'by'>,
  { scene, found, closed }: Composed,
  { positions }: Pick<Drawing, 'positions'>,
  state: TopologyState,
) {
  const { ns, focus, hops, dir, find, hide } = state
  const isFound = (id: string) => (found === null ? {} : { found: found.has(id) })
  return {
    mesh,
    as_of: graph.as_of,
    window_s: graph.window_s,
    by: graph.by,
    shown: {
      namespaces: ns,
      focus,
      hops: Number(hops),
      direction: dir,
      find,
      hide,
      collapsed: [...closed].sort(),
    },
    nodes: scene.nodes.map((node) => ({
      ...node,
      ...isFound(node.id),
      position: positions[node.id] ?? null,
    })),
    edges: scene.edges.map((edge) => ({ ...edge, ...isFound(edge.id) })),
  }
}
