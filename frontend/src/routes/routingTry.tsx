import { TryRequest } from '@/features/traffic/TryRequest'
import { PageBody } from '@/ui/Panel'

export function RoutingTryPage() {
  return (
    <PageBody>
      <TryRequest />
    </PageBody>
  )
}
