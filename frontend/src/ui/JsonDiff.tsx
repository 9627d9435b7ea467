import { toLines } from './jsonDiff'
import { LinesDiff } from './LinesDiff'

export function JsonDiff({ before, after }: { before: unknown; after: unknown }) {
  return <LinesDiff before={toLines(before)} after={toLines(after)} />
}
