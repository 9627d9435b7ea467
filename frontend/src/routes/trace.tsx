import { useParams } from '@tanstack/react-router'
import { TracePage } from '@/features/traces/TracePage'

export function TraceRoute() {
  const { id = '' } = useParams({ strict: false })
  return <TracePage key={id} id={id} />
}
