import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useMemo } from 'react'
import { createRollout, newIntent, rolloutQueries } from '@/api/rollouts'
import { bodyOf, type Draft, dropDraft } from './draft'

/** Start the rollout of a draft. Trying again with the same draft after a lost answer starts no second one. */
export function useStart(draft: Draft) {
  const cache = useQueryClient()
  const navigate = useNavigate()
  const plan = JSON.stringify(bodyOf(draft))
  // biome-ignore lint/correctness/useExhaustiveDependencies: each plan is an intent of its own
  const intent = useMemo(newIntent, [plan])
  return useMutation({
    mutationFn: () => createRollout(bodyOf(draft), intent),
    onSuccess: (rollout) => {
      dropDraft(draft.service)
      cache.setQueryData(rolloutQueries.one(rollout.id).queryKey, rollout)
      cache.invalidateQueries({ queryKey: ['rollouts'] })
      navigate({ to: '/rollouts/$id', params: { id: rollout.id } })
    },
  })
}
