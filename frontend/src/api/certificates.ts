/** The certificates of proxies and the identities that are denied: their queries and what can be done to them. */
import { queryOptions } from '@tanstack/react-query'
import { body, client } from './client'
import { everyPage, MAX_PAGE } from './pages'
import type { RevocationScope } from './types'

/** What depends on certificates: asked again when one is renewed or revoked. */
export const CERTIFICATES = 'certificates'

const EVERY_MS = 5000
/** A proxy renews twice a day: this is what it held for some weeks. */
const HISTORY = 100

export const certificateQueries = {
  /** The newest certificate of each proxy. */
  current: () =>
    queryOptions({
      queryKey: [CERTIFICATES, 'current'],
      queryFn: () =>
        everyPage((cursor) =>
          body(
            client.GET('/api/v1/certificates/', {
              params: { query: { current: true, cursor, page_size: MAX_PAGE } },
            }),
          ),
        ),
      refetchInterval: EVERY_MS,
    }),
  /** What one proxy held, the newest first. */
  ofProxy: (proxy: string) =>
    queryOptions({
      queryKey: [CERTIFICATES, 'proxy', proxy],
      queryFn: async () => {
        const query = { proxy, page_size: HISTORY }
        return (await body(client.GET('/api/v1/certificates/', { params: { query } }))).results
      },
      refetchInterval: EVERY_MS,
    }),
  denied: () =>
    queryOptions({
      queryKey: [CERTIFICATES, 'denied'],
      queryFn: () =>
        everyPage((cursor) =>
          body(
            client.GET('/api/v1/certificates/denied/', {
              params: { query: { cursor, page_size: MAX_PAGE } },
            }),
          ),
        ),
      refetchInterval: EVERY_MS,
    }),
}

export const renewCertificate = (serial: string, reason: string) =>
  body(
    client.POST('/api/v1/certificates/{serial}/renew/', { params: { path: { serial } }, body: { reason } }),
  )

/** Answers the ids of the proxies that are evicted with it. */
export const revokeCertificate = (serial: string, scope: RevocationScope, reason: string) =>
  body(
    client.POST('/api/v1/certificates/{serial}/revoke/', {
      params: { path: { serial } },
      body: { scope, reason },
    }),
  )

export const allowIdentity = (identity: string, reason: string) =>
  body(client.POST('/api/v1/certificates/denied/allow/', { body: { identity, reason } }))
