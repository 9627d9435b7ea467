import { ActionIcon, Button } from '@mantine/core'
import { IconArrowBackUp, IconX } from '@tabler/icons-react'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { body, client } from '@/api/client'
import { queries } from '@/api/queries'
import { AckBar } from '@/ui/AckBar'
import { Panel } from '@/ui/Panel'
import { ErrorState } from '@/ui/States'
import { useText } from '@/ui/useText'
import { type Applied, setApplied, useApplied } from './draft/store'

/** What was applied from here, as the proxies acknowledge it, and the way back. */
export function AppliedBar({ service, mayWrite }: { service: string; mayWrite: boolean }) {
  const t = useText()
  const applied = useApplied(service)
  const revert = useRevert(service, applied)
  if (!applied.length) return null
  const undone = applied.some(({ undoes }) => undoes !== undefined)
  return (
    <Panel
      title={undone ? t('applied.reverted') : t('applied.title')}
      aside={
        <>
          {mayWrite && !undone && (
            <Button
              size="xs"
              variant="default"
              leftSection={<IconArrowBackUp size={14} />}
              loading={revert.isPending}
              onClick={() => revert.mutate()}
            >
              {t('change.revert')}
            </Button>
          )}
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={t('applied.dismiss')}
            onClick={() => setApplied(service, [])}
          >
            <IconX size={14} />
          </ActionIcon>
        </>
      }
    >
      <div className="stack">
        {applied.map(({ revision }) => (
          <AckBar key={revision} revision={revision} />
        ))}
        {revert.error && <ErrorState source={t('change.revert')} error={revert.error} />}
      </div>
    </Panel>
  )
}

/** The changes undone, the latest first. */
function useRevert(service: string, applied: readonly Applied[]) {
  const cache = useQueryClient()
  return useMutation({
    mutationFn: async () => {
      const made: Applied[] = []
      for (const { revision } of [...applied].reverse()) {
        const { change_id: id } = await cache.fetchQuery({ ...queries.revision(revision), staleTime: 0 })
        if (id === null) continue
        const undone = await body(
          client.POST('/api/v1/changes/{change_id}/revert/', {
            params: { path: { change_id: id } },
            body: { reason: '' },
          }),
        )
        if (undone.revision !== null) made.push({ revision: undone.revision, undoes: revision })
      }
      setApplied(service, made)
    },
    onSettled: () => cache.invalidateQueries({ queryKey: ['service', service] }),
  })
}
