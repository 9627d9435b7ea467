import { ImportRules } from '@/features/traffic/Interchange'
import { PageBody } from '@/ui/Panel'

export function RoutingImportPage() {
  return (
    <PageBody>
      <ImportRules />
    </PageBody>
  )
}
