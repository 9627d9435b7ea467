import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { BACKOFF_MS, LiveClient, type LiveMessage, type SocketLike } from '@/api/live'

class FakeSocket implements SocketLike {
  readyState = 0
  sent: Record<string, unknown>[] = []
  closedByUs = false
  onopen: (() => void) | null = null
  onclose: ((event: { code: number }) => void) | null = null
  onmessage: ((event: { data: unknown }) => void) | null = null

  send(data: string) {
    this.sent.push(JSON.parse(data))
  }
  close() {
    this.closedByUs = true
  }
  says(message: Partial<LiveMessage> | { topic: string; kind: string }) {
    this.onmessage?.({ data: JSON.stringify(message) })
  }
}

const sockets: FakeSocket[] = []
const latest = () => sockets[sockets.length - 1] as FakeSocket

function follow(params = {}) {
  const client = new LiveClient(() => {
    const socket = new FakeSocket()
    sockets.push(socket)
    return socket
  })
  const heard: [string, number][] = []
  const leave = client.subscribe('graph', params, ({ kind, seq }) => heard.push([kind, seq]))
  latest().onopen?.()
  return { client, heard, leave }
}

beforeEach(() => {
  vi.useFakeTimers()
  sockets.length = 0
})
afterEach(() => {
  vi.useRealTimers()
})

describe('a live topic', () => {
  it('subscribes when the connection opens', () => {
    follow({ window: '60s' })
    expect(latest().sent).toEqual([{ subscribe: 'graph', since: null, params: { window: '60s' } }])
  })

  it('ignores diffs before the first state', () => {
    const { heard } = follow()
    latest().says({ topic: 'graph', kind: 'diff', seq: 4 })
    latest().says({ topic: 'graph', kind: 'state', seq: 5 })
    latest().says({ topic: 'graph', kind: 'diff', seq: 6 })
    expect(heard).toEqual([
      ['state', 5],
      ['diff', 6],
    ])
  })

  it('resumes from the last sequence number after a lost connection', () => {
    const { heard } = follow()
    latest().says({ topic: 'graph', kind: 'state', seq: 5 })
    latest().onclose?.({ code: 1006 })
    vi.advanceTimersByTime(BACKOFF_MS[0] as number)
    expect(sockets).toHaveLength(2)
    latest().onopen?.()
    expect(latest().sent[0]).toMatchObject({ subscribe: 'graph', since: 5 })
    latest().says({ topic: 'graph', kind: 'diff', seq: 6 })
    expect(heard.at(-1)).toEqual(['diff', 6])
  })

  it('takes a new state when the server cannot resume', () => {
    const { heard } = follow()
    latest().says({ topic: 'graph', kind: 'state', seq: 900 })
    latest().onclose?.({ code: 1006 })
    vi.advanceTimersByTime(BACKOFF_MS[0] as number)
    latest().onopen?.()
    latest().says({ topic: 'graph', kind: 'state', seq: 2 })
    latest().says({ topic: 'graph', kind: 'diff', seq: 3 })
    expect(heard.slice(1)).toEqual([
      ['state', 2],
      ['diff', 3],
    ])
  })

  it('asks for the state again after a gap', () => {
    const { heard } = follow()
    latest().says({ topic: 'graph', kind: 'state', seq: 1 })
    latest().says({ topic: 'graph', kind: 'diff', seq: 3 })
    expect(heard).toEqual([['state', 1]])
    expect(latest().sent.at(-1)).toMatchObject({ subscribe: 'graph', since: null })
  })

  it('after skipped drops diffs until the state', () => {
    const { heard } = follow()
    latest().says({ topic: 'graph', kind: 'state', seq: 1 })
    latest().says({ topic: 'graph', kind: 'skipped' })
    latest().says({ topic: 'graph', kind: 'diff', seq: 2 })
    latest().says({ topic: 'graph', kind: 'state', seq: 9 })
    expect(heard).toEqual([
      ['state', 1],
      ['state', 9],
    ])
  })

  it('does not hand out a diff twice', () => {
    const { heard } = follow()
    latest().says({ topic: 'graph', kind: 'state', seq: 4 })
    latest().says({ topic: 'graph', kind: 'diff', seq: 4 })
    expect(heard).toEqual([['state', 4]])
  })

  it('tells the server when the last listener leaves', () => {
    const { leave } = follow()
    leave()
    expect(latest().sent.at(-1)).toEqual({ unsubscribe: 'graph' })
  })
})

describe('the connection', () => {
  it('waits longer after each failure', () => {
    follow()
    for (const wait of BACKOFF_MS) {
      const before = sockets.length
      latest().onclose?.({ code: 1006 })
      vi.advanceTimersByTime(wait - 1)
      expect(sockets).toHaveLength(before)
      vi.advanceTimersByTime(1)
      expect(sockets).toHaveLength(before + 1)
    }
  })

  it('does not come back with a session that is refused, until a new login', () => {
    const { client } = follow()
    latest().onclose?.({ code: 4401 })
    vi.advanceTimersByTime(60_000)
    expect(sockets).toHaveLength(1)
    client.restart()
    expect(sockets).toHaveLength(2)
  })

  it('rests while the tab is hidden', () => {
    const { client } = follow()
    client.setPaused(true)
    expect(latest().closedByUs).toBe(true)
    vi.advanceTimersByTime(60_000)
    expect(sockets).toHaveLength(1)
    client.setPaused(false)
    expect(sockets).toHaveLength(2)
  })
})
