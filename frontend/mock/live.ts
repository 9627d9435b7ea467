/** The WebSocket of the mock backend: the topics, each second, and revisions as proxies acknowledge. */
import type { WebSocket } from 'ws'
import { type Asked, graphOf } from './graph.ts'
import { incidentsOf } from './incidents.ts'
import { newestLines } from './logs.ts'
import type { MockMesh } from './mesh.ts'

type Subscription = { params: Record<string, string>; seq: number }

export class MockLive {
  private clients = new Map<WebSocket, Map<string, Subscription>>()
  private knownChange = 0

  constructor(private readonly mesh: MockMesh) {
    this.knownChange = mesh.revision
    setInterval(() => this.everySecond(), 1000).unref()
    setInterval(() => this.acknowledge(), mesh.acknowledgeEveryMs).unref()
  }

  join(socket: WebSocket): void {
    const topics = new Map<string, Subscription>()
    this.clients.set(socket, topics)
    socket.on('close', () => this.clients.delete(socket))
    socket.on('message', (raw) => {
      const message = JSON.parse(String(raw))
      if (message.unsubscribe) topics.delete(message.unsubscribe)
      if (!message.subscribe) return
      topics.set(message.subscribe, { params: message.params ?? {}, seq: 0 })
      const state = this.stateOf(message.subscribe, message.params ?? {})
      if (state !== null) this.send(socket, message.subscribe, 'state', state)
    })
  }

  private stateOf(topic: string, params: Record<string, string>): unknown {
    const { mesh } = this
    if (topic === 'graph') return graphOf(mesh, askedOf(params))
    if (topic === 'proxies') return mesh.proxies
    if (topic === 'changes') return mesh.changes.slice(0, 50)
    if (topic === 'alerts') return incidentsOf(mesh).inState('firing')
    if (topic === 'info') return mesh.info()
    if (topic === 'rollouts') return mesh.rollouts.active()
    if (topic === 'logs') return { logs: newestLines(mesh, params) }
    const [kind = '', id = ''] = topic.split(/:(.*)/s)
    if (kind === 'service') return { ...mesh.traffic(id, 60), service: mesh.service(id) }
    if (kind === 'rollout') {
      const rollout = mesh.rollouts.one(id)
      return rollout ? { ...rollout, events: mesh.rollouts.events(id).slice(-100) } : null
    }
    if (kind === 'tap') return mesh.logs.watched(id)
    if (kind === 'revision') return mesh.revisions.get(Number(id)) ?? null
    return null
  }

  private everySecond(): void {
    this.mesh.tick()
    this.mesh.rollouts.tick()
    const fresh = this.mesh.changes.filter((change) => change.id > this.knownChange)
    this.knownChange = this.mesh.revision
    for (const [socket, topics] of this.clients) {
      for (const [topic, { params }] of topics) {
        if (topic === 'graph') this.sendGraph(socket, params)
        else if (topic === 'changes') {
          if (fresh.length) this.send(socket, topic, 'diff', { changes: fresh })
        } else if (topic === 'proxies')
          this.send(socket, topic, 'diff', { changed: this.mesh.proxies, removed: [] })
        else if (topic === 'rollouts' || topic.startsWith('rollout:'))
          this.send(socket, topic, 'state', this.stateOf(topic, params))
        else if (topic === 'logs' || topic.startsWith('tap:'))
          this.send(socket, topic, 'state', this.stateOf(topic, params))
        else if (topic.startsWith('service:')) this.send(socket, topic, 'state', this.stateOf(topic, params))
      }
    }
  }

  private sendGraph(socket: WebSocket, params: Record<string, string>): void {
    const graph = graphOf(this.mesh, askedOf(params))
    this.send(socket, 'graph', 'diff', { ...graph, removed_nodes: [], removed_edges: [] })
  }

  private acknowledge(): void {
    for (const revision of this.mesh.acknowledgeNext()) {
      const topic = `revision:${revision.revision}`
      for (const [socket, topics] of this.clients)
        if (topics.has(topic)) this.send(socket, topic, 'state', revision)
    }
  }

  private send(socket: WebSocket, topic: string, kind: string, data: unknown): void {
    const subscription = this.clients.get(socket)?.get(topic)
    if (!subscription) return
    subscription.seq += 1
    socket.send(JSON.stringify({ topic, seq: subscription.seq, kind, data, at: Date.now() / 1000 }))
  }
}

function askedOf({ window = '60s', by }: Record<string, string>): Asked {
  return { window, by: by === 'version' || by === 'instance' ? by : 'service' }
}
