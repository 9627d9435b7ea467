import { Wizard } from '@/features/rollouts/Wizard'

export function RolloutNewPage() {
  return <Wizard />
}
