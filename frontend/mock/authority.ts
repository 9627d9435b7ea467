/** The authority and a rotation of its root in the mock backend: it moves on by each time it is asked to. */
import type * as T from '../src/api/types'
import { type Context, gone, type Handler, json, page, problem } from './answers.ts'
import { ISSUER, ROOT } from './certificates.ts'
import type { MockMesh } from './mesh.ts'

const DAY = 86_400_000
const NEW_ROOT = 'beef'.repeat(16)
const FORTH: T.RotationState[] = ['publishing', 'reissuing', 'retiring', 'removing', 'done']
const BACK: T.RotationState[] = ['withdrawing', 'dropping', 'aborted']
const OVER = ['done', 'aborted']

export class MockAuthority {
  request: T.Authority['request'] = null
  rotations: T.Rotation[] = []

  constructor(private readonly mesh: MockMesh) {}

  get rotation(): T.Rotation | null {
    return this.rotations[0] ?? null
  }

  isBusy(): boolean {
    return this.rotation !== null && !OVER.includes(this.rotation.state)
  }

  view(): T.Authority {
    const current = this.mesh.certificates.rows.filter(({ held }) => held)
    return {
      certificates: [this.certificate('root', ROOT, 3650), this.certificate('intermediate', ISSUER, 365)],
      renewal: { at: this.mesh.ago(-240 * DAY), automatic: true, detail: '' },
      signer: false,
      leaf_ttl_s: 86_400,
      csr_rate: 100,
      leaves: { current: current.length, late: current.filter(({ late }) => late).length, ending: 0 },
      request: this.request,
      rotation: this.rotation,
    }
  }

  private certificate(
    kind: T.AuthorityCertificate['kind'],
    fingerprint: string,
    days: number,
  ): T.AuthorityCertificate {
    return {
      kind,
      state: 'active',
      trusted: true,
      origin: 'made',
      key: 'builtin',
      algorithm: 'EC P-256',
      subject: `CN=demo.mesh ${kind}`,
      fingerprint,
      root: kind === 'root' ? null : ROOT,
      not_before: this.mesh.ago(5 * DAY),
      not_after: this.mesh.ago((5 - days) * DAY),
      leaves: kind === 'root' ? 0 : this.mesh.proxies.length,
      certificate: '-----BEGIN CERTIFICATE-----\nMIIBexample\n-----END CERTIFICATE-----\n',
    }
  }

  start(source: T.Rotation['source'], reason: string): T.Rotation {
    const rotation: T.Rotation = {
      id: this.rotations.length + 1,
      state: 'publishing',
      paused: false,
      source,
      actor: 'admin',
      reason,
      started_at: this.mesh.ago(0),
      state_since: this.mesh.ago(0),
      finished_at: null,
      version: 1,
      old: ROOT,
      new: NEW_ROOT,
      steps: [],
      progress: null,
      missing: [],
      missing_total: 0,
      passed: [],
      may: { pause: true, resume: false, abort: true, pass_over: true },
      waits_for: '',
      waits_code: 'acknowledgements',
      waits_until: null,
    }
    this.rotations.unshift(rotation)
    this.enter(rotation, 'publishing')
    return rotation
  }

  /** The state that follows, with one proxy that is waited for in each that waits. */
  enter(rotation: T.Rotation, state: T.RotationState): void {
    const begun = rotation.steps.filter(({ status }) => status === 'done' || status === 'current')
    const isBack = BACK.includes(state)
    const path = isBack
      ? [...begun.map((step) => step.state).filter((s) => !BACK.includes(s)), ...BACK]
      : FORTH
    const at = path.indexOf(state)
    const over = OVER.includes(state)
    const [late] = this.mesh.proxies
    const all = this.mesh.proxies.length
    Object.assign(rotation, {
      state,
      state_since: this.mesh.ago(0),
      finished_at: over ? this.mesh.ago(0) : null,
      steps: path.map((step, index) => ({
        state: step,
        status: index < at || over ? 'done' : index === at ? 'current' : 'ahead',
        at: index <= at ? (begun.find((each) => each.state === step)?.at ?? this.mesh.ago(0)) : null,
      })),
      progress: over
        ? null
        : {
            proxies: all,
            passed: 0,
            gone: 0,
            acknowledged: all - 1,
            reissued: state === 'publishing' ? 0 : all - 1,
          },
      may: {
        pause: !over && !rotation.paused,
        resume: !over && rotation.paused,
        abort: ['publishing', 'reissuing', 'retiring'].includes(state),
        pass_over: !over,
      },
      missing:
        over || !late
          ? []
          : [
              {
                proxy: late.id,
                service: late.service,
                name: late.name,
                what: state === 'reissuing' ? 'certificate' : 'bundle',
                state: 'offline',
                since: this.mesh.ago(90_000),
                last_seen_at: this.mesh.ago(120_000),
                error: '',
              },
            ],
      missing_total: over ? 0 : 1,
      waits_code: over
        ? ''
        : rotation.paused
          ? 'paused'
          : state === 'reissuing'
            ? 'certificates'
            : 'acknowledgements',
    } satisfies Partial<T.Rotation>)
  }
}

const offered =
  (then: (context: Context) => Response): Handler =>
  (context) => {
    const { authority } = context.mesh
    const { source, certificate, key } = context.body
    const refuse = (path: string, code: string, detail: string) =>
      problem(400, 'invalid', 'Refused.', [{ path, code, detail }])
    if (authority.isBusy()) return problem(409, 'rotation_under_way', 'A rotation is under way.')
    if (source === 'offline' && !authority.request) return refuse('source', 'no_request', 'no request waits')
    if (source !== 'made' && !String(certificate).includes('BEGIN CERTIFICATE'))
      return refuse('certificate', 'malformed', 'this is no PEM certificate')
    if (source === 'imported' && !key) return refuse('key', 'required', 'its key is missing')
    return then(context)
  }

const rotated =
  (then: (context: Context, rotation: T.Rotation) => void): Handler =>
  (context) => {
    const rotation = context.mesh.authority.rotations.find(({ id }) => String(id) === context.params.id)
    if (!rotation) return problem(404, 'not_found', 'No such rotation.')
    then(context, rotation)
    return json(rotation)
  }

const paused = (to: boolean) =>
  rotated(({ mesh }, rotation) => {
    rotation.paused = to
    mesh.authority.enter(rotation, rotation.state)
  })

function makeRequest({ mesh }: Context): Response {
  mesh.authority.request = {
    csr: '-----BEGIN CERTIFICATE REQUEST-----\nMIIBexample\n-----END CERTIFICATE REQUEST-----\n',
    key_digest: 'f00d'.repeat(16),
    actor: 'admin',
    created_at: mesh.ago(0),
  }
  return json(mesh.authority.request, { status: 201 })
}

export const AUTHORITY: [method: string, path: string, handler: Handler][] = [
  ['GET', 'authority', ({ mesh }) => json(mesh.authority.view())],
  ['POST', 'authority/request', makeRequest],
  [
    'DELETE',
    'authority/request',
    ({ mesh }) => {
      mesh.authority.request = null
      return gone()
    },
  ],
  ['POST', 'authority/intermediate', offered(({ mesh }) => json(mesh.authority.view().certificates[1]))],
  ['GET', 'authority/rotations', ({ mesh }) => page(mesh.authority.rotations)],
  [
    'POST',
    'authority/rotations',
    offered(({ mesh, body }) =>
      json(mesh.authority.start(body.source as T.Rotation['source'], String(body.reason)), { status: 201 }),
    ),
  ],
  ['POST', 'authority/rotations/:id/pause', paused(true)],
  ['POST', 'authority/rotations/:id/resume', paused(false)],
  [
    'POST',
    'authority/rotations/:id/abort',
    rotated(({ mesh }, rotation) => mesh.authority.enter(rotation, 'withdrawing')),
  ],
  [
    'POST',
    'authority/rotations/:id/pass',
    rotated(({ mesh, body }, rotation) => {
      const { proxy, reason } = body as { proxy: string; reason: string }
      rotation.passed = [...rotation.passed, { proxy, reason, actor: 'admin', at: mesh.ago(0) }]
      rotation.missing = []
      rotation.missing_total = 0
    }),
  ],
]
