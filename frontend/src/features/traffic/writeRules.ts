/** How each part of the rules is written, for good or as a dry run. */
import { body, client } from '@/api/client'
import { servicePath } from '@/api/queries'
import type { Part, Rules } from './draft/rules'

type Write = { service: string; etag: string; reason: string; dryRun: boolean }

/** The revision that the write made; null where nothing differed, and of a dry run. */
export async function writePart<P extends Part>(
  part: P,
  value: Rules[P],
  write: Write,
): Promise<number | null> {
  return (await WRITERS[part](value, write)).revision
}

const params = ({ service, etag, dryRun }: Write) => ({
  path: servicePath(service),
  header: { 'If-Match': etag },
  query: dryRun ? { dry_run: true } : {},
})

type Writer<P extends Part> = (value: Rules[P], write: Write) => Promise<{ revision: number | null }>
const WRITERS: { [P in Part]: Writer<P> } = {
  split: (weights, write) =>
    body(
      client.PUT('/api/v1/services/{ns}/{name}/split/', {
        params: params(write),
        body: { weights, reason: write.reason },
      }),
    ),
  routes: (routes, write) =>
    body(
      client.PUT('/api/v1/services/{ns}/{name}/routes/', {
        params: params(write),
        body: { routes, reason: write.reason },
      }),
    ),
  resilience: (resilience, write) =>
    body(
      client.PUT('/api/v1/services/{ns}/{name}/resilience/', {
        params: params(write),
        body: { ...resilience, reason: write.reason },
      }),
    ),
  limits: (limits, write) =>
    body(
      client.PUT('/api/v1/services/{ns}/{name}/limits/', {
        params: params(write),
        body: { limits, reason: write.reason },
      }),
    ),
}

/** The path of a field in the whole of the rules, from the one that a part's own endpoint names. */
export function fullPath(part: Part, path: string): string {
  if (part === 'resilience') return path ? `resilience.${path}` : part
  if (part === 'split') return path.replace(/^weights(?=\.|$)/, 'split')
  return path || part
}
