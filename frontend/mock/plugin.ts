/** The mock backend as a Vite plugin: `npm run dev:mock`, or `npm run preview:mock` on a production build. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Http2SecureServer } from 'node:http2'
import type { Connect, Plugin } from 'vite'
import { WebSocketServer } from 'ws'
import { respond } from './api.ts'
import { MockLive } from './live.ts'
import { MockMesh } from './mesh.ts'

/** As strict as production should be: no inline script, no inline style. */
const CONTENT_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; worker-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'"

export function mockBackend(): Plugin {
  return {
    name: 'mock-backend',
    configureServer: (server) => attach(server.middlewares, server.httpServer, false),
    configurePreviewServer: (server) => attach(server.middlewares, server.httpServer, true),
  }
}

function attach(middlewares: Connect.Server, http: Server | Http2SecureServer | null, built: boolean): void {
  const mesh = new MockMesh()
  const live = new MockLive(mesh)
  const sockets = new WebSocketServer({ noServer: true })
  http?.on('upgrade', (request: IncomingMessage, socket, head) => {
    if (!request.url?.startsWith('/ws/live/')) return
    sockets.handleUpgrade(request, socket, head, (client) => live.join(client))
  })
  middlewares.use((request, response, next) => {
    const url = request.url ?? '/'
    if (url.startsWith('/api/')) {
      answer(mesh, request, response).catch(next)
      return
    }
    if (built) {
      response.setHeader('Content-Security-Policy', CONTENT_POLICY)
      if (!url.startsWith('/static/')) request.url = '/static/index.html'
    }
    next()
  })
}

async function answer(mesh: MockMesh, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  const method = incoming.method ?? 'GET'
  const request = new Request(`http://${incoming.headers.host}${incoming.url}`, {
    method,
    headers: incoming.headers as Record<string, string>,
    body: method === 'GET' || method === 'HEAD' ? undefined : Buffer.concat(chunks),
  })
  const response = await respond(mesh, request)
  outgoing.writeHead(response.status, Object.fromEntries(response.headers))
  outgoing.end(await response.text())
}
