import { RolloutList } from '@/features/rollouts/RolloutList'

export function RolloutsPage() {
  return <RolloutList />
}
