import { Button, Modal, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { body, client } from '@/api/client'
import type { Change } from '@/api/types'
import { JsonDiff } from '@/ui/JsonDiff'
import { ErrorState } from '@/ui/States'
import { useText } from '@/ui/useText'

type RevertProps = {
  change: Change
  onReverted: (revision: number) => void
  /** What the button says, where there are several. */
  label?: string
  compact?: boolean
}

/** Undo one change, after looking at what that sets back. */
export function RevertButton({ change, onReverted, label, compact }: RevertProps) {
  const t = useText()
  const cache = useQueryClient()
  const [open, setOpen] = useState(false)
  const [reason, setReason] = useState('')
  const revert = useMutation({
    mutationFn: () =>
      body(
        client.POST('/api/v1/changes/{change_id}/revert/', {
          params: { path: { change_id: change.id } },
          body: { reason },
        }),
      ),
    onSuccess: ({ revision }) => {
      setOpen(false)
      if (revision !== null) onReverted(revision)
      cache.invalidateQueries({ queryKey: ['changes'] })
    },
  })
  return (
    <>
      <Button size={compact ? 'compact-xs' : 'xs'} variant="default" onClick={() => setOpen(true)}>
        {label ?? t('change.revert')}
      </Button>
      <Modal
        opened={open}
        onClose={() => setOpen(false)}
        title={t('change.revert.title', { id: change.id, object: change.object })}
        closeButtonProps={{ 'aria-label': t('action.close') }}
        size="lg"
      >
        <div className="stack">
          <JsonDiff before={change.after} after={change.before} />
          {revert.error && <ErrorState source={t('change.revert')} error={revert.error} />}
          <TextInput
            label={t('review.reason')}
            value={reason}
            maxLength={500}
            onChange={(event) => setReason(event.currentTarget.value)}
          />
          <Button loading={revert.isPending} onClick={() => revert.mutate()}>
            {t('change.revert')}
          </Button>
        </div>
      </Modal>
    </>
  )
}
