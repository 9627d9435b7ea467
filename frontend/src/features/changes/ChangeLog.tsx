/** The change log as a whole, for administrators of the mesh: is it what was written, and a copy to keep. */
import { Button } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { body, client } from '@/api/client'
import type { Verification } from '@/api/types'
import { ToneMark } from '@/ui/Mark'
import { save } from '@/ui/save'
import { useText } from '@/ui/useText'

/** Lines of one request. */
const BATCH = 10_000

export function ChangeLogActions() {
  const t = useText()
  const verify = useMutation({ mutationFn: () => body(client.GET('/api/v1/changes/verify/')) })
  const copy = useMutation({
    mutationFn: exportAll,
    onSuccess: (text) => save('changes.jsonl', text, 'application/x-ndjson'),
  })
  const error = verify.error ?? copy.error
  const found = verify.data
  return (
    <>
      <output>
        {error ? <ToneMark tone="failing" label={t('changes.log.failed', { why: error.message })} /> : null}
        {!error && found ? <Verdict found={found} /> : null}
      </output>
      <Button size="xs" variant="default" loading={verify.isPending} onClick={() => verify.mutate()}>
        {t('changes.log.verify')}
      </Button>
      <Button size="xs" variant="default" loading={copy.isPending} onClick={() => copy.mutate()}>
        {t('changes.log.export')}
      </Button>
    </>
  )
}

function Verdict({ found }: { found: Verification }) {
  const t = useText()
  if (!found.intact) {
    return <ToneMark tone="failing" label={t('changes.log.broken', { n: found.count, why: found.why })} />
  }
  const head = found.head.slice(0, 12)
  return (
    <ToneMark tone="healthy" label={t('changes.log.intact', { n: found.count, count: found.count, head })} />
  )
}

/** Every change as a line of JSON, the oldest first. */
async function exportAll(): Promise<string> {
  const lines: string[] = []
  let after = 0
  for (;;) {
    const query = { after, limit: BATCH }
    const page = await body(client.GET('/api/v1/changes/export/', { params: { query } }))
    lines.push(...page.lines.map((line) => `${JSON.stringify(line)}\n`))
    const last = page.lines.at(-1)
    if (!last || page.lines.length < BATCH) return lines.join('')
    after = last.id
  }
}
