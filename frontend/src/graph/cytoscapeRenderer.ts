/** The renderer on Cytoscape's canvas. Nothing outside this file knows Cytoscape. */
import cytoscape from 'cytoscape'
import { graphStyle } from './cytoscapeStyle'
import { labelHalfLength, placeLabels } from './edgeLabels'
import type { Point, Positions } from './layout'
import type { EdgeView, GraphView, NodeView } from './model'
import { boxImage, nodeImage } from './nodeImages'
import { type EdgePath, edgePath, pathLength } from './paths'
import { sleepWhenQuiet } from './quietLoop'
import type { Palette, Renderer, RendererEvents } from './renderer'
import { TrafficOverlay } from './trafficOverlay'

/** Below this, names cannot be read. */
const READABLE_ZOOM = 0.5
const BOX = 'box:'
const boxId = (namespace: string) => BOX + namespace

export class CytoscapeRenderer implements Renderer {
  private readonly cy: cytoscape.Core
  private readonly overlay: TrafficOverlay
  private readonly observer: ResizeObserver
  private view: GraphView = { nodes: [], edges: [], boxes: [] }
  private positions: Positions = {}
  private drawn = new Map<string, string>()
  private labelPlaces = new Map<string, number>()
  private labelPrint = ''
  private selected: string | null = null
  private fitted = false

  constructor(
    container: HTMLElement,
    private palette: Palette,
    private readonly events: RendererEvents,
  ) {
    withoutStyleTag()
    this.cy = cytoscape({
      container,
      style: graphStyle(palette),
      minZoom: 0.15,
      maxZoom: 2.5,
      autoungrabify: false,
      boxSelectionEnabled: false,
      selectionType: 'single',
      layout: { name: 'preset' },
    })
    sleepWhenQuiet(this.cy)
    this.overlay = new TrafficOverlay(container, palette, () => ({
      zoom: this.cy.zoom(),
      pan: this.cy.pan(),
    }))
    this.observer = new ResizeObserver(() => this.resized())
    this.observer.observe(container)
    this.listen()
  }

  draw(view: GraphView, positions: Positions): void {
    const ready = { ...view, nodes: view.nodes.filter((node) => positions[node.id]) }
    const standing = new Set(ready.nodes.map((node) => node.id))
    ready.edges = view.edges.filter((edge) => standing.has(edge.source) && standing.has(edge.target))
    this.view = ready
    this.positions = positions
    this.cy.batch(() => {
      this.reconcile(ready, positions)
      this.arrangeLabels()
    })
    this.emphasise()
    if (!this.fitted && standing.size > 0) {
      this.fitted = true
      this.fit()
    }
  }

  select(id: string | null): void {
    this.selected = id
    this.emphasise()
  }

  setPalette(palette: Palette): void {
    this.palette = palette
    this.cy.style(graphStyle(palette))
    this.overlay.setPalette(palette)
    this.cy.batch(() => this.reconcile(this.view, this.positions))
  }

  setMotion(on: boolean): void {
    this.overlay.setMotion(on)
  }

  fit(): void {
    this.cy.fit(undefined, this.cy.width() > 640 ? 64 : 16)
    if (this.cy.zoom() > 1.25) {
      this.cy.zoom(1.25)
      this.cy.center()
    }
    if (this.cy.zoom() < READABLE_ZOOM) {
      // On a small screen a readable part beats an unreadable whole: start at the left, where traffic comes in.
      this.cy.zoom(READABLE_ZOOM)
      this.cy.center()
      const box = this.cy.elements().renderedBoundingBox()
      this.cy.panBy({ x: 16 - box.x1, y: 0 })
    }
  }

  zoomBy(factor: number): void {
    const center = { x: this.cy.width() / 2, y: this.cy.height() / 2 }
    this.cy.zoom({ level: this.cy.zoom() * factor, renderedPosition: center })
  }

  centerOn(id: string): void {
    const element = this.cy.getElementById(id)
    if (element.nonempty()) this.cy.center(element)
  }

  destroy(): void {
    this.observer.disconnect()
    this.overlay.destroy()
    this.cy.destroy()
  }

  private listen(): void {
    this.cy.on('tap', (event) => {
      const target = event.target as cytoscape.Core | cytoscape.SingularElementArgument
      if (target === this.cy) this.events.onSelect(null)
      else {
        const element = target as cytoscape.SingularElementArgument
        if (!element.id().startsWith(BOX)) this.events.onSelect(element.id())
      }
    })
    this.cy.on('dbltap', 'node.box, node.kind-namespace', (event) => {
      const id = (event.target as cytoscape.NodeSingular).id()
      const isOpen = id.startsWith(BOX)
      this.events.onToggle(isOpen ? id.slice(BOX.length) : id.slice(0, -1), !isOpen)
    })
    this.cy.on('mouseover', 'node.service, edge', (event) => this.emphasise(event.target.id()))
    this.cy.on('mouseout', 'node.service, edge', () => this.emphasise())
    this.cy.on('viewport', () => this.overlay.redraw())
    this.cy.on('position', 'node.service', () => this.trace())
    this.cy.on('dragfree', 'node', (event) => this.moved(event.target))
  }

  private moved(node: cytoscape.NodeSingular): void {
    const nodes = node.isParent() ? node.children().toArray() : [node]
    const moved: Positions = {}
    for (const each of nodes) moved[each.id()] = { ...(each as cytoscape.NodeSingular).position() }
    this.events.onMove(moved)
  }

  private resized(): void {
    this.cy.resize()
    this.overlay.resize()
  }

  /** Bring Cytoscape's elements to the view: add, change what differs, remove. */
  private reconcile(view: GraphView, positions: Positions): void {
    const wanted = new Set<string>()
    for (const box of view.boxes) {
      this.put(wanted, {
        group: 'nodes',
        data: { ...box, id: boxId(box.id), image: boxImage(box.health, this.palette) },
        classes: `box ${box.health}`,
      })
    }
    for (const node of view.nodes) {
      this.put(wanted, nodeElement(node, positions[node.id] as Point, this.palette))
      const element = this.cy.getElementById(node.id)
      const { x, y } = positions[node.id] as Point
      const here = element.position()
      if (!element.grabbed() && (here.x !== x || here.y !== y)) element.position({ x, y })
    }
    for (const edge of view.edges) this.put(wanted, edgeElement(edge))
    const gone = this.cy.elements().filter((element) => !wanted.has(element.id()))
    gone.forEach((element) => {
      this.drawn.delete(element.id())
    })
    this.cy.remove(gone.filter((element) => element.isEdge()))
    this.cy.remove(gone)
  }

  private put(wanted: Set<string>, definition: cytoscape.ElementDefinition): void {
    const id = definition.data.id as string
    wanted.add(id)
    const print = JSON.stringify([definition.data, definition.classes])
    if (this.drawn.get(id) === print) return
    this.drawn.set(id, print)
    const element = this.cy.getElementById(id)
    if (element.empty()) this.cy.add(definition)
    else {
      element.data(definition.data)
      element.classes(definition.classes as string)
    }
  }

  /** Show the selected or pointed element with its neighbours; the rest steps back. */
  private emphasise(pointed: string | null = this.selected): void {
    const focus = pointed ? this.cy.getElementById(pointed) : this.cy.collection()
    const near = focus.isNode?.()
      ? focus.closedNeighborhood()
      : focus.union(focus.connectedNodes?.() ?? focus)
    this.cy.batch(() => {
      this.cy.elements().removeClass('dimmed chosen')
      if (focus.empty()) return
      this.cy.elements().difference(near).not('.box').addClass('dimmed')
      this.cy.getElementById(this.selected ?? '').addClass('chosen')
    })
    this.trace()
  }

  /** Hand the overlay the edges and where they run. */
  private trace(): void {
    const paths = new Map<string, EdgePath>()
    const edges = this.view.edges.map((edge) => {
      const element = this.cy.getElementById(edge.id)
      const path = this.pathOf(edge)
      if (path) paths.set(edge.id, path)
      const labelAt = this.labelPlaces.get(edge.id) ?? 0.5
      const labelHalf = path ? labelHalfLength(edge.label, path) / pathLength(path) : 0
      return { ...edge, dimmed: element.hasClass('dimmed') || edge.mark === 'faint', labelAt, labelHalf }
    })
    this.overlay.setEdges(edges, paths)
  }

  /** Labels keep their places while nodes and edges do, however their numbers change. */
  private arrangeLabels(): void {
    const { nodes, edges } = this.view
    const print = JSON.stringify([
      nodes.map(({ id, label }) => [id, label, this.positions[id]]),
      edges.map(({ id, label, secured }) => [id, label.length, secured]),
    ])
    if (print === this.labelPrint) return
    this.labelPrint = print
    const paths = new Map(
      edges.flatMap((edge) => {
        const path = this.pathOf(edge)
        return path ? [[edge.id, path] as const] : []
      }),
    )
    const standing = nodes.map((view) => ({ view, at: this.positions[view.id] as Point }))
    this.labelPlaces = placeLabels(edges, paths, standing)
    for (const edge of edges) {
      const path = paths.get(edge.id)
      const at = this.labelPlaces.get(edge.id)
      if (path && at !== undefined) this.cy.getElementById(edge.id).data('labelAt', at * pathLength(path))
    }
  }

  private pathOf(edge: EdgeView): EdgePath | null {
    const from = this.cy.getElementById(edge.source).position() as Point | undefined
    const to = this.cy.getElementById(edge.target).position() as Point | undefined
    return from && to ? edgePath(from, to, edge.bent) : null
  }
}

function nodeElement(node: NodeView, position: Point, palette: Palette): cytoscape.ElementDefinition {
  return {
    group: 'nodes',
    data: {
      id: node.id,
      parent: node.box === null ? undefined : boxId(node.box),
      label: node.label,
      image: nodeImage(node, palette),
    },
    classes: `service kind-${node.kind} ${node.health} ${node.mark}`,
    position: { ...position },
  }
}

function edgeElement(edge: EdgeView): cytoscape.ElementDefinition {
  const { id, source, target, label, width } = edge
  return {
    group: 'edges',
    data: { id, source, target, label, width: Math.round(width * 2) / 2 },
    classes: `${edge.health}${edge.bent ? ' bent' : ''} ${edge.mark}`,
  }
}

/** Cytoscape adds a style tag, which a strict content policy refuses, unless it finds its own; ours is in a file. */
function withoutStyleTag(): void {
  const id = '__________cytoscape_stylesheet'
  if (document.getElementById(id)) return
  const stand = document.createElement('meta')
  stand.id = id
  document.head.append(stand)
}
