import { allowsAnywhere, useMay, useMe } from '@/api/session'
import { CreateNamespace, CreateService } from '@/features/catalog/CreateForms'
import { GatewaysPanel } from '@/features/gateways/GatewaysPanel'
import { ServiceList } from '@/features/services/ServiceList'

export function ServicesPage() {
  const mayAddService = allowsAnywhere(useMe().data, 'catalog.write')
  const mayAddNamespace = useMay('catalog.write')
  return (
    <ServiceList
      actions={
        <>
          {mayAddNamespace && <CreateNamespace />}
          {mayAddService && <CreateService />}
        </>
      }
    >
      <GatewaysPanel />
    </ServiceList>
  )
}
