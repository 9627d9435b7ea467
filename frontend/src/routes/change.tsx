import { useParams } from '@tanstack/react-router'
import { ChangeView } from '@/features/changes/ChangeView'

export function ChangePage() {
  const { id = '' } = useParams({ strict: false })
  return <ChangeView key={id} id={Number(id)} />
}
