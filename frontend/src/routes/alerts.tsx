import { lazy } from 'react'
import { AlertsView } from '@/features/alerts/AlertsView'

const ObjectiveList = lazy(() => import('@/features/objectives/ObjectiveList'))

export function AlertsPage() {
  return <AlertsView objectives={<ObjectiveList />} />
}
