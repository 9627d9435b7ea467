/**
 * The WebSocket client: one connection, topics, resume by sequence number, reconnect with back-off.
 *
 * It knows nothing of what topics mean. A handler gets a `state` first and then an unbroken run of
 * messages; after a gap, a `skipped` or a refused resume it gets a fresh `state` before anything else.
 */

export type LiveKind = 'state' | 'diff'
export type LiveMessage = { topic: string; seq: number; kind: LiveKind; data: unknown; at: number }
export type LiveStatus = 'idle' | 'connecting' | 'open' | 'waiting' | 'signed-out'
export type LiveHandler = (message: LiveMessage) => void
export type LiveParams = Record<string, string>

type ServerMessage = { topic?: string; seq?: number; kind?: string; data?: unknown; at?: number }
type Topic = { params: LiveParams; handlers: Set<LiveHandler>; seq: number | null; awaitsState: boolean }

export const BACKOFF_MS = [250, 500, 1000, 2000, 5000, 10000]
const PING_MS = 15000
const CLOSE_SIGNED_OUT = 4401

export type SocketLike = Pick<WebSocket, 'send' | 'close' | 'readyState'> & {
  onopen: (() => void) | null
  onclose: ((event: { code: number }) => void) | null
  onmessage: ((event: { data: unknown }) => void) | null
}

export class LiveClient {
  private topics = new Map<string, Topic>()
  private listeners = new Set<() => void>()
  private socket: SocketLike | null = null
  private attempts = 0
  private retryTimer: ReturnType<typeof setTimeout> | undefined
  private pingTimer: ReturnType<typeof setInterval> | undefined
  private paused = false
  status: LiveStatus = 'idle'
  /** When anything last arrived, milliseconds since the epoch; null before the first message. */
  lastMessageAt: number | null = null

  constructor(private readonly connect: () => SocketLike) {}

  /** Listen to a topic until the returned function is called. New parameters replace earlier ones. */
  subscribe(name: string, params: LiveParams, handler: LiveHandler): () => void {
    const known = this.topics.get(name)
    if (known && sameParams(known.params, params)) {
      known.handlers.add(handler)
      this.requestState(name, known)
    } else {
      const handlers = new Set(known?.handlers).add(handler)
      const topic: Topic = { params, handlers, seq: null, awaitsState: true }
      this.topics.set(name, topic)
      this.sendSubscribe(name, topic)
    }
    this.ensureConnected()
    return () => this.unsubscribe(name, handler)
  }

  /** Nothing runs while paused (a hidden tab); resuming takes up where it stopped. */
  setPaused(paused: boolean): void {
    if (paused === this.paused) return
    this.paused = paused
    if (paused) this.drop('idle')
    else this.ensureConnected()
  }

  /** Forget a refused session, after a new login. */
  restart(): void {
    this.drop('idle')
    this.attempts = 0
    this.ensureConnected()
  }

  onStatus(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  private unsubscribe(name: string, handler: LiveHandler): void {
    const topic = this.topics.get(name)
    if (!topic?.handlers.delete(handler) || topic.handlers.size > 0) return
    this.topics.delete(name)
    this.send({ unsubscribe: name })
  }

  private ensureConnected(): void {
    if (this.socket || this.paused || this.topics.size === 0 || this.status === 'signed-out') return
    clearTimeout(this.retryTimer)
    this.setStatus('connecting')
    const socket = this.connect()
    this.socket = socket
    socket.onopen = () => this.opened()
    socket.onmessage = (event) => this.received(event.data)
    socket.onclose = (event) => this.closed(socket, event.code)
  }

  private opened(): void {
    this.attempts = 0
    this.setStatus('open')
    for (const [name, topic] of this.topics) this.sendSubscribe(name, topic)
    this.pingTimer = setInterval(() => this.send({ ping: 1 }), PING_MS)
  }

  private closed(socket: SocketLike, code: number): void {
    if (socket !== this.socket) return
    this.drop(code === CLOSE_SIGNED_OUT ? 'signed-out' : 'waiting')
    if (code === CLOSE_SIGNED_OUT || this.paused) return
    const delay = BACKOFF_MS[Math.min(this.attempts, BACKOFF_MS.length - 1)]
    this.attempts += 1
    this.retryTimer = setTimeout(() => this.ensureConnected(), delay)
  }

  private drop(status: LiveStatus): void {
    clearTimeout(this.retryTimer)
    clearInterval(this.pingTimer)
    const socket = this.socket
    this.socket = null
    socket?.close()
    this.setStatus(status)
  }

  private received(raw: unknown): void {
    const message = JSON.parse(String(raw)) as ServerMessage
    this.lastMessageAt = Date.now()
    const name = message.topic
    const topic = name ? this.topics.get(name) : undefined
    if (!name || !topic) return
    if (message.kind === 'skipped') topic.awaitsState = true
    else if (message.kind === 'state' || message.kind === 'diff')
      this.deliver(name, topic, message as LiveMessage)
  }

  private deliver(name: string, topic: Topic, message: LiveMessage): void {
    if (message.kind === 'diff') {
      if (topic.awaitsState) return
      if (topic.seq !== null && message.seq <= topic.seq) return
      if (topic.seq !== null && message.seq !== topic.seq + 1) {
        this.requestState(name, topic)
        return
      }
    }
    topic.awaitsState = false
    topic.seq = message.seq
    for (const handler of topic.handlers) handler(message)
  }

  private requestState(name: string, topic: Topic): void {
    topic.seq = null
    topic.awaitsState = true
    this.sendSubscribe(name, topic)
  }

  private sendSubscribe(name: string, topic: Topic): void {
    this.send({ subscribe: name, since: topic.seq, params: topic.params })
  }

  private send(message: unknown): void {
    if (this.socket && this.status === 'open') this.socket.send(JSON.stringify(message))
  }

  private setStatus(status: LiveStatus): void {
    if (status === this.status) return
    this.status = status
    for (const listener of this.listeners) listener()
  }
}

function sameParams(a: LiveParams, b: LiveParams): boolean {
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key])
}

/** The connection of this browser tab. */
export const live = new LiveClient(() => {
  const scheme = window.location.protocol === 'https:' ? 'wss' : 'ws'
  return new WebSocket(`${scheme}://${window.location.host}/ws/live/`) as unknown as SocketLike
})

/** Stop while the tab is hidden. Call once at start. */
export function pauseWhileHidden(client: LiveClient): void {
  document.addEventListener('visibilitychange', () => client.setPaused(document.hidden))
  client.setPaused(document.hidden)
}
