import { useQuery } from '@tanstack/react-query'
import { queries } from '@/api/queries'

/** Every service and gateway, in the order of their names. */
export function useServiceNames(): string[] {
  const services = useQuery(queries.services()).data ?? []
  const gateways = useQuery(queries.gateways()).data ?? []
  return [...new Set([...services, ...gateways].map(({ id }) => id))].sort()
}
