import { TopologyView } from '@/features/topology/TopologyView'

export function TopologyPage() {
  return <TopologyView />
}
