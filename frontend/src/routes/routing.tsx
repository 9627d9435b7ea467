import { RoutingList } from '@/features/traffic/RoutingList'

export function RoutingPage() {
  return <RoutingList />
}
