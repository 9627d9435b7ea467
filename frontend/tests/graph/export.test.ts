import { MockMesh } from '@mock/mesh'
import { describe, expect, it } from 'vitest'
import { quoted, toDot } from '@/graph/export/dot'
import { fileName } from '@/graph/export/files'
import { toSvg } from '@/graph/export/svg'
import { layout } from '@/graph/layout'
import { toView } from '@/graph/model'
import type { Palette } from '@/graph/renderer'
import { boxOfNode } from '@/graph/scene'
import { chance, pick } from './query/subjects'

const graph = new MockMesh(() => 1_800_000_000_000).graph(60, 'service')
const view = toView(graph, {
  labelOf: (edge) => `${edge.rps.toFixed(1)} rps`,
  nameOf: (node) => node.name,
  found: new Set(['shop/cart']),
  all: graph.edges,
})
const positions = layout(
  graph.nodes.map((node) => ({ id: node.id, namespace: boxOfNode(node) ?? '' })),
  graph.edges,
  {},
)
const palette = new Proxy({}, { get: (_, name) => `#${String(name).length}00` }) as Palette

function parsed(svg: string): Document {
  const read = new DOMParser().parseFromString(svg, 'image/svg+xml')
  expect(read.querySelector('parsererror')).toBeNull()
  return read
}

describe('the drawing', () => {
  const { svg, width, height } = toSvg(view, positions, palette, 'demo <mesh> & "more"')
  const drawn = parsed(svg)
  const texts = [...drawn.querySelectorAll('text')].map((each) => each.textContent)

  it('is well formed, names every node and box, and labels every edge', () => {
    for (const node of view.nodes) expect(texts).toContain(node.label)
    for (const box of view.boxes) expect(texts).toContain(box.label)
    for (const edge of view.edges) expect(texts).toContain(edge.label)
    expect(texts).toContain('demo <mesh> & "more"')
  })

  it('needs nothing from elsewhere and runs nothing', () => {
    expect(drawn.querySelector('image, script, style, foreignObject, use')).toBeNull()
    expect(svg.replace('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:|href|url\(/)
  })

  it('shows every node within its frame', () => {
    const [left = 0, top = 0, wide, high] = (drawn.documentElement.getAttribute('viewBox') ?? '')
      .split(' ')
      .map(Number)
    expect([wide, high]).toEqual([width, height])
    for (const { x, y } of Object.values(positions)) {
      expect(x > left && x < left + width && y > top && y < top + height).toBe(true)
    }
  })

  it('is well formed whatever nodes are called', () => {
    for (let seed = 0; seed < 12; seed += 1) {
      const random = chance(seed)
      const name = Array.from({ length: 6 }, () => pick(random, [...'<>&"\'a\n]'])).join('')
      const strange = { ...view, nodes: view.nodes.map((node) => ({ ...node, label: name })) }
      parsed(toSvg(strange, positions, palette, name).svg)
    }
  })

  it('of nothing is an empty sheet', () => {
    parsed(toSvg({ nodes: [], edges: [], boxes: [] }, {}, palette, 'empty').svg)
  })
})

describe('the text for Graphviz', () => {
  const dot = toDot(view, 'demo.mesh')

  it('has a cluster for each namespace and an arrow for each edge', () => {
    expect(dot).toContain('subgraph "cluster_shop" {')
    for (const edge of view.edges) expect(dot).toContain(`"${edge.source}" -> "${edge.target}" [`)
    expect(dot.match(/[{[]/g)?.length).toBe(dot.match(/[}\]]/g)?.length)
  })

  it('quotes whatever nodes are called', () => {
    expect(quoted('a "b" \\ c\nd')).toBe('"a \\"b\\" \\\\ c\\nd"')
  })
})

it('names files by mesh, window and moment', () => {
  expect(fileName('demo.mesh', 60, '2026-11-24T03:04:05.123456+00:00', 'svg')).toBe(
    'demo.mesh-60s-20261124T030405Z.svg',
  )
  expect(fileName('a/b c', 300, '2026-11-24T03:04:05Z', 'png')).toBe('a-b-c-300s-20261124T030405Z.png')
})
