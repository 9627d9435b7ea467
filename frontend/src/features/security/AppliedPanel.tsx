import { ActionIcon, Button } from '@mantine/core'
import { IconArrowBackUp, IconX } from '@tabler/icons-react'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { SECURITY, undoRevision } from '@/api/security'
import { allowsAnywhere, useMe } from '@/api/session'
import { AckBar } from '@/ui/AckBar'
import { Panel } from '@/ui/Panel'
import { ErrorState } from '@/ui/States'
import { useText } from '@/ui/useText'
import { setApplied, useApplied } from './draft/store'

/** What was changed from here, as the proxies acknowledge it, and the way back. `name`: of this policy alone. */
export function AppliedPanel({ name }: { name?: string }) {
  const t = useText()
  const cache = useQueryClient()
  const applied = useApplied()
  const mayWrite = allowsAnywhere(useMe().data, 'security.write')
  const undo = useMutation({
    mutationFn: async () => {
      if (!applied) return
      const revision = await undoRevision(applied.revision, '')
      setApplied(revision === null ? null : { name: applied.name, revision, undo: true })
    },
    onSettled: () => cache.invalidateQueries({ queryKey: [SECURITY] }),
  })
  if (!applied || (name !== undefined && applied.name !== name)) return null
  return (
    <Panel
      title={t(applied.undo ? 'sec.applied.reverted' : 'sec.applied', { name: applied.name })}
      aside={
        <>
          {mayWrite && !applied.undo && (
            <Button
              size="xs"
              variant="default"
              leftSection={<IconArrowBackUp size={14} />}
              loading={undo.isPending}
              onClick={() => undo.mutate()}
            >
              {t('change.revert')}
            </Button>
          )}
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={t('sec.applied.dismiss')}
            onClick={() => setApplied(null)}
          >
            <IconX size={14} />
          </ActionIcon>
        </>
      }
    >
      <div className="stack">
        <AckBar key={applied.revision} revision={applied.revision} />
        {undo.error && <ErrorState source={t('change.revert')} error={undo.error} />}
      </div>
    </Panel>
  )
}
