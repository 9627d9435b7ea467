import { TracesView } from '@/features/traces/TracesView'

export function TracesPage() {
  return <TracesView />
}
