/**
 * Puts Cytoscape's render loop to sleep while there is nothing to draw: it asks for an animation frame sixty times a
 * second even then. It is woken by whatever asks for a redraw.
 *
 * The loop ends where it finds its renderer destroyed, so that is what it is told, for the one frame in which it looks:
 * our two callbacks run in that frame right before and right after its own.
 */
import type cytoscape from 'cytoscape'

/** What we use of Cytoscape's renderer, which its types leave out. */
type LoopingRenderer = {
  destroyed: boolean
  requestedFrame: boolean
  renderLoopStarted: boolean
  startRenderLoop: () => void
  redraw: (options?: unknown) => void
  beforeRender: (run: (willDraw: boolean) => void, priority: number) => void
}

/** Textures for other zooms are made in the frames after a redraw; they have this many to be finished. */
const QUIET_FRAMES = 20

export function sleepWhenQuiet(cy: cytoscape.Core): void {
  const renderer = (cy as unknown as { renderer(): LoopingRenderer }).renderer()
  let quiet = 0
  let isAsleep = false

  const redraw = renderer.redraw.bind(renderer)
  renderer.redraw = (options) => {
    redraw(options)
    quiet = 0
    if (!isAsleep || cy.destroyed()) return
    isAsleep = false
    renderer.renderLoopStarted = false
    renderer.startRenderLoop()
  }

  const fallAsleep = () => {
    let isEnding = false
    requestAnimationFrame(() => {
      isEnding = !renderer.requestedFrame && !cy.destroyed()
      if (isEnding) renderer.destroyed = true
    })
    // After the loop has asked for its own next frame.
    queueMicrotask(() =>
      requestAnimationFrame(() => {
        if (!isEnding || cy.destroyed()) return
        renderer.destroyed = false
        isAsleep = true
        // A redraw asked for within this very frame must not wait for the next.
        if (renderer.requestedFrame) renderer.redraw()
      }),
    )
  }

  renderer.beforeRender((willDraw) => {
    quiet = willDraw ? 0 : quiet + 1
    if (quiet === QUIET_FRAMES) fallAsleep()
  }, 0)
}
