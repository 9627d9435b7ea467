import { ServiceList } from '@/features/services/ServiceList'

export function ServicesPage() {
  return <ServiceList />
}
