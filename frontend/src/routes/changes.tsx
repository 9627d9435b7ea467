import { ChangesView } from '@/features/changes/ChangesView'

export function ChangesPage() {
  return <ChangesView />
}
