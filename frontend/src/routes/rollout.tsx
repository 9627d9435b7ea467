import { useParams } from '@tanstack/react-router'
import { Cockpit } from '@/features/rollouts/Cockpit'

export function RolloutPage() {
  const { id = '' } = useParams({ strict: false })
  return <Cockpit key={id} id={id} />
}
