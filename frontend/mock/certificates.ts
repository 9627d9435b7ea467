/** Certificates in the mock backend: one of each proxy, one of them late, and those that are revoked. */
import type * as T from '../src/api/types'
import { type Context, type Handler, json, page, problem } from './answers.ts'
import type { MockMesh } from './mesh.ts'

const HOUR = 3_600_000
const LIFE = 24 * HOUR
export const ISSUER = 'a3f1'.repeat(16)
export const ROOT = 'c0de'.repeat(16)

const serialOf = (index: number, round: number) =>
  (0x4f00 + index * 257 + round).toString(16).padStart(40, '7')

export class MockCertificates {
  rows: T.Certificate[] = []
  denied: T.DeniedIdentity[] = []

  constructor(private readonly mesh: MockMesh) {
    this.rows = mesh.proxies.flatMap((proxy, index) => {
      const age = (index * HOUR) / 2
      const late = proxy.service === 'platform/inventory'
      const former = this.issue(proxy, index, 0, LIFE / 2 + age)
      former.replaced_at = mesh.ago(age)
      return [this.issue(proxy, index, 1, late ? 20 * HOUR : age, late), former]
    })
  }

  private issue(proxy: T.MeshProxy, index: number, round: number, age: number, late = false): T.Certificate {
    return {
      serial: serialOf(index, round),
      proxy: proxy.id,
      identity: `spiffe://demo.mesh/ns/${proxy.service.replace('/', '/svc/')}`,
      actor: `proxy:${proxy.id}`,
      not_before: this.mesh.ago(age),
      not_after: this.mesh.ago(age - LIFE),
      issued_at: this.mesh.ago(age),
      issuer: ISSUER,
      root: ROOT,
      held: round === 1,
      late,
      replaced_at: null,
      renews_at: round === 1 ? this.mesh.ago(age - LIFE / 2) : null,
      renewal_ordered_at: null,
      revoked_at: null,
    }
  }

  /** The proxies of these certificates leave the mesh. */
  revoke(of: readonly T.Certificate[]): string[] {
    const at = this.mesh.ago(0)
    const evicted = [...new Set(of.map(({ proxy }) => proxy))]
    for (const row of this.rows.filter(({ proxy }) => evicted.includes(proxy))) {
      Object.assign(row, { revoked_at: at, renews_at: null, held: false })
    }
    this.mesh.proxies = this.mesh.proxies.filter(({ id }) => !evicted.includes(id))
    return evicted
  }
}

function list({ mesh, query }: Context): Response {
  const proxy = query.get('proxy')
  return page(
    mesh.certificates.rows.filter(
      (row) => (!proxy || row.proxy === proxy) && (!query.get('current') || row.replaced_at === null),
    ),
  )
}

const found =
  (then: (context: Context, row: T.Certificate) => Response): Handler =>
  (context) => {
    const row = context.mesh.certificates.rows.find(({ serial }) => serial === context.params.serial)
    return row ? then(context, row) : problem(404, 'not_found', 'No such certificate.')
  }

const renew = found(({ mesh, body }, row) => {
  if (row.replaced_at) return problem(409, 'not_current', 'The certificate is not in use any more.')
  row.renewal_ordered_at = mesh.ago(0)
  row.renews_at = row.renewal_ordered_at
  const revision = mesh.record(
    'certificate.renew',
    `proxy:${row.proxy}`,
    'renew',
    String(body.reason),
    {},
    {},
  )
  return json({ revision })
})

const revoke = found(({ mesh, body }, row) => {
  const { certificates } = mesh
  if (body.scope !== 'identity') return json({ evicted: certificates.revoke([row]) })
  const same = certificates.rows.filter(({ identity }) => identity === row.identity)
  certificates.denied.push({
    identity: row.identity,
    actor: 'admin',
    reason: String(body.reason),
    at: mesh.ago(0),
  })
  return json({ evicted: certificates.revoke(same) })
})

function allow({ mesh, body }: Context): Response {
  mesh.certificates.denied = mesh.certificates.denied.filter(({ identity }) => identity !== body.identity)
  return json({ revision: mesh.revision })
}

export const CERTIFICATES: [method: string, path: string, handler: Handler][] = [
  ['GET', 'certificates', list],
  ['GET', 'certificates/denied', ({ mesh }) => page(mesh.certificates.denied)],
  ['POST', 'certificates/denied/allow', allow],
  ['POST', 'certificates/:serial/renew', renew],
  ['POST', 'certificates/:serial/revoke', revoke],
]
