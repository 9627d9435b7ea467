import { Button } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { PROPOSALS, proposable, proposeRefused } from '@/api/proposals'
import type { Proposal } from '@/api/types'
import { keyOf } from './rows'
import { useText } from './useText'

type ProposeProps = { error: unknown; reason: string; onProposed?: (proposal: Proposal) => void }

/** Where a write takes two people, the way to have it nevertheless; nothing for any other error. */
export function Propose({ error, reason, onProposed }: ProposeProps) {
  const refused = proposable(error)
  // Each refusal begins anew.
  return refused && <ProposeRefused key={keyOf(refused)} {...{ refused, reason, onProposed }} />
}

function ProposeRefused({ refused, reason, onProposed }: Omit<ProposeProps, 'error'> & { refused: Request }) {
  const t = useText()
  const cache = useQueryClient()
  const sending = useMutation({
    mutationFn: () => proposeRefused(refused, reason),
    onSuccess: (proposal) => {
      cache.invalidateQueries({ queryKey: [PROPOSALS] })
      onProposed?.(proposal)
    },
  })
  if (sending.data) {
    return (
      <p className="notice" role="status">
        {t('propose.done', { id: sending.data.id })}{' '}
        <Link to="/security" search={{ tab: 'proposals', sel: String(sending.data.id) } as never}>
          {t('propose.look')}
        </Link>
      </p>
    )
  }
  return (
    <div className="notice row">
      <span>{t('propose.why')}</span>
      <Button size="xs" loading={sending.isPending} onClick={() => sending.mutate()}>
        {t('propose.it')}
      </Button>
      {sending.error && (
        <p className="text-failing" role="alert">
          {sending.error.message}
        </p>
      )}
    </div>
  )
}
