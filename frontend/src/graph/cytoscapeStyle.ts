/** How the graph looks, in Cytoscape's terms. */
import type cytoscape from 'cytoscape'
import { IMAGE_SCALE } from './nodeImages'
import { BEND } from './paths'
import type { Palette } from './renderer'

const NODE_SIZE = 44

export function graphStyle(palette: Palette): cytoscape.StylesheetJson {
  const scale = `${IMAGE_SCALE * 100}%`
  const style = [
    {
      selector: 'node.box',
      style: {
        shape: 'round-rectangle',
        'corner-radius': 8,
        'background-color': palette.panel,
        'background-opacity': 1,
        'border-width': 1,
        'border-color': palette.line,
        padding: 30,
        'background-image': 'data(image)',
        'background-width': 16,
        'background-height': 16,
        'background-position-x': 10,
        'background-position-y': 10,
        label: 'data(label)',
        color: palette.muted,
        'font-family': 'system-ui, sans-serif',
        'font-size': 12,
        'font-weight': 600,
        'text-valign': 'top',
        'text-halign': 'center',
        'text-margin-y': -6,
        'compound-sizing-wrt-labels': 'include',
        'z-compound-depth': 'bottom',
      },
    },
    { selector: 'node.box.degraded', style: { 'border-color': palette.degraded, color: palette.degraded } },
    { selector: 'node.box.failing', style: { 'border-color': palette.failing, color: palette.failing } },
    {
      selector: 'node.service',
      style: {
        shape: 'round-rectangle',
        'corner-radius': 12,
        width: NODE_SIZE,
        height: NODE_SIZE,
        'background-opacity': 0,
        'background-image': 'data(image)',
        'background-image-containment': 'over',
        'background-clip': 'none',
        'bounds-expansion': 16,
        'background-width': scale,
        'background-height': scale,
        'background-fit': 'none',
        label: 'data(label)',
        color: palette.text,
        'font-family': 'system-ui, sans-serif',
        'font-size': 12,
        'text-valign': 'bottom',
        'text-margin-y': 7,
        'text-wrap': 'wrap',
        'line-height': 1.2,
        'text-outline-color': palette.panel,
        'text-outline-width': 3,
        'overlay-opacity': 0,
      },
    },
    {
      selector: 'edge',
      style: {
        'curve-style': 'straight-triangle',
        width: 'data(width)',
        'line-color': palette.edge,
        'line-opacity': 0.85,
        color: palette.text,
        'font-family': 'system-ui, sans-serif',
        'font-size': 11,
        'text-outline-color': palette.panel,
        'text-outline-width': 3,
        'overlay-opacity': 0,
      },
    },
    {
      selector: 'edge[labelAt]',
      style: { 'source-label': 'data(label)', 'source-text-offset': 'data(labelAt)' },
    },
    {
      selector: 'edge.bent',
      style: {
        'curve-style': 'unbundled-bezier',
        'control-point-distances': BEND,
        'control-point-weights': 0.5,
        'target-arrow-shape': 'triangle',
        'target-arrow-color': palette.edge,
        'arrow-scale': 0.8,
      },
    },
    {
      selector: 'edge.degraded',
      style: { 'line-color': palette.degraded, 'target-arrow-color': palette.degraded },
    },
    {
      selector: 'edge.failing',
      style: { 'line-color': palette.failing, 'target-arrow-color': palette.failing },
    },
    { selector: 'edge.idle, edge.unknown', style: { 'line-opacity': 0.5 } },
    { selector: 'node.kind-namespace', style: { 'font-weight': 600 } },
    {
      selector: 'node.kind-unknown, node.kind-external, node.kind-instance',
      style: { color: palette.muted },
    },
    { selector: '.dimmed, .faint', style: { opacity: 0.22 } },
    {
      selector: 'node.found',
      style: { 'underlay-color': palette.accent, 'underlay-opacity': 0.22, 'underlay-padding': 9 },
    },
    {
      selector: 'edge.found',
      style: { 'underlay-color': palette.accent, 'underlay-opacity': 0.22, 'underlay-padding': 4 },
    },
    {
      selector: 'node.chosen',
      style: { 'border-width': 2, 'border-color': palette.accent, 'border-position': 'outside' },
    },
    {
      selector: 'edge.chosen',
      style: {
        'line-opacity': 1,
        'underlay-color': palette.accent,
        'underlay-opacity': 0.25,
        'underlay-padding': 5,
      },
    },
  ]
  return style as unknown as cytoscape.StylesheetJson
}
