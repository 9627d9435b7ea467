import { useParams } from '@tanstack/react-router'
import { TapsView } from '@/features/logs/TapsView'
import { TapView } from '@/features/logs/TapView'

export function TapsPage() {
  return <TapsView />
}

export function TapRoute() {
  const { id = '' } = useParams({ strict: false })
  return <TapView key={id} id={id} />
}
