import { LogsView } from '@/features/logs/LogsView'

export function LogsPage() {
  return <LogsView />
}
