import { describe, expect, it } from 'vitest'
import { labelHalfWidth, placeLabels } from '@/graph/edgeLabels'
import type { EdgeView, NodeView } from '@/graph/model'
import { type EdgePath, pointOn } from '@/graph/paths'

const edge = (id: string): EdgeView => ({
  id,
  source: 'a',
  target: 'b',
  label: '45.0 rps',
  health: 'healthy',
  rps: 45,
  errorRate: 0,
  width: 4,
  secured: true,
  bent: false,
  mark: '',
})
const node = (label: string): NodeView => ({
  id: label,
  label,
  box: null,
  kind: 'service',
  health: 'healthy',
  shares: null,
  mark: '',
})
const path = (y: number): EdgePath => ({ from: { x: 0, y: 0 }, bend: null, to: { x: 360, y } })

describe('labels of edges', () => {
  it('stand near the middle where there is room', () => {
    expect(placeLabels([edge('e')], new Map([['e', path(0)]]), []).get('e')).toBeCloseTo(0.5)
  })

  it('give way to a node in the middle', () => {
    const at = placeLabels([edge('e')], new Map([['e', path(0)]]), [
      { view: node('cart'), at: { x: 180, y: 10 } },
    ]).get('e')
    const { x } = pointOn(path(0), at ?? 0)
    expect(Math.abs(x - 180)).toBeGreaterThan(27 + labelHalfWidth('45.0 rps') - 1)
  })

  it('do not lie on one another', () => {
    const paths = new Map([
      ['e', path(0)],
      ['f', path(4)],
    ])
    const places = placeLabels([edge('e'), edge('f')], paths, [])
    expect(Math.abs((places.get('e') ?? 0) - (places.get('f') ?? 0)) * 360).toBeGreaterThan(
      2 * labelHalfWidth('45.0 rps') - 15,
    )
  })
})
