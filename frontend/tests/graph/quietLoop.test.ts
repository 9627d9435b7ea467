import type cytoscape from 'cytoscape'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { sleepWhenQuiet } from '@/graph/quietLoop'

/** A renderer whose loop asks for frames for ever, as Cytoscape's does. */
class Loop {
  destroyed = false
  requestedFrame = false
  renderLoopStarted = false
  drawn = 0
  private callbacks: ((willDraw: boolean) => void)[] = []

  beforeRender(run: (willDraw: boolean) => void) {
    this.callbacks.push(run)
  }
  redraw() {
    this.requestedFrame = true
  }
  startRenderLoop() {
    if (this.renderLoopStarted) return
    this.renderLoopStarted = true
    const frame = () => {
      if (this.destroyed) return
      for (const run of this.callbacks) run(this.requestedFrame)
      if (this.requestedFrame) this.drawn += 1
      this.requestedFrame = false
      requestAnimationFrame(frame)
    }
    requestAnimationFrame(frame)
  }
}

let waiting: FrameRequestCallback[] = []
beforeEach(() => {
  waiting = []
  vi.stubGlobal('requestAnimationFrame', (run: FrameRequestCallback) => waiting.push(run))
})
afterEach(() => vi.unstubAllGlobals())

async function frames(count: number) {
  for (let frame = 0; frame < count; frame += 1) {
    const due = waiting
    waiting = []
    for (const run of due) {
      run(0)
      // A browser runs microtasks after each callback.
      await Promise.resolve()
    }
  }
}

it('asks for no frame while there is nothing to draw, and draws whatever is asked for', async () => {
  const loop = new Loop()
  const cy = { renderer: () => loop, destroyed: () => false } as unknown as cytoscape.Core
  sleepWhenQuiet(cy)
  loop.startRenderLoop()
  loop.redraw()
  await frames(40)
  expect(loop.drawn).toBe(1)
  expect(waiting).toEqual([])
  expect(loop.destroyed).toBe(false)
  for (let again = 2; again < 5; again += 1) {
    loop.redraw()
    await frames(1)
    expect(loop.drawn).toBe(again)
    await frames(40)
    expect(waiting).toEqual([])
  }
})

it('loses no redraw, in whichever frame it is asked for', async () => {
  for (let wait = 0; wait < 30; wait += 1) {
    waiting = []
    const loop = new Loop()
    sleepWhenQuiet({ renderer: () => loop, destroyed: () => false } as unknown as cytoscape.Core)
    loop.startRenderLoop()
    await frames(wait)
    loop.redraw()
    await frames(3)
    expect(loop.drawn).toBe(1)
  }
})
