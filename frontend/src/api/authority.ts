/** The authority that signs proxies' certificates, and the replacing of its root. */
import { queryOptions } from '@tanstack/react-query'
import { body, client } from './client'
import type { AuthorityOffer, Rotation } from './types'

/** What depends on the authority: asked again when it changes. */
export const AUTHORITY = 'authority'

const EVERY_MS = 10_000
/** A rotation moves by the second. */
const UNDER_WAY_EVERY_MS = 2000
const EARLIER = 20

type UnderWay = Rotation & { state: Exclude<Rotation['state'], 'done' | 'aborted'> }

export function isUnderWay(rotation: Rotation | null | undefined): rotation is UnderWay {
  return Boolean(rotation) && rotation?.state !== 'done' && rotation?.state !== 'aborted'
}

export const authorityQueries = {
  authority: () =>
    queryOptions({
      queryKey: [AUTHORITY, 'now'],
      queryFn: () => body(client.GET('/api/v1/authority/')),
      refetchInterval: ({ state }) => (isUnderWay(state.data?.rotation) ? UNDER_WAY_EVERY_MS : EVERY_MS),
    }),
  /** The latest rotations, the newest first. */
  rotations: () =>
    queryOptions({
      queryKey: [AUTHORITY, 'rotations'],
      queryFn: async () =>
        (
          await body(
            client.GET('/api/v1/authority/rotations/', { params: { query: { page_size: EARLIER } } }),
          )
        ).results,
      refetchInterval: EVERY_MS,
    }),
}

/** Where anybody may fetch the roots that members of this mesh are verified under. */
export const BUNDLE = { pem: '/api/v1/authority/bundle.pem', json: '/api/v1/authority/bundle.json' } as const

export const startRotation = (offer: AuthorityOffer) =>
  body(client.POST('/api/v1/authority/rotations/', { body: offer }))

/** A new intermediate under the root that there is, at once. */
export const bringIntermediate = (offer: AuthorityOffer) =>
  body(client.POST('/api/v1/authority/intermediate/', { body: offer }))

export const makeRequest = (reason: string) =>
  body(client.POST('/api/v1/authority/request/', { body: { reason } }))

export const withdrawRequest = (reason: string) =>
  body(client.DELETE('/api/v1/authority/request/', { params: { query: { reason } } }))

export type RotationAct = 'pause' | 'resume' | 'abort'

export function actOnRotation(id: number, act: RotationAct, reason: string): Promise<Rotation> {
  const sent = { params: { path: { rotation_id: id } }, body: { reason } }
  const calls = {
    pause: () => client.POST('/api/v1/authority/rotations/{rotation_id}/pause/', sent),
    resume: () => client.POST('/api/v1/authority/rotations/{rotation_id}/resume/', sent),
    abort: () => client.POST('/api/v1/authority/rotations/{rotation_id}/abort/', sent),
  }
  return body(calls[act]())
}

/** Go on without a proxy. */
export const passOver = (id: number, proxy: string, reason: string) =>
  body(
    client.POST('/api/v1/authority/rotations/{rotation_id}/pass/', {
      params: { path: { rotation_id: id } },
      body: { proxy, reason },
    }),
  )
