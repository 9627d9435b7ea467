import { ProxyList } from '@/features/proxies/ProxyList'

export function ProxiesPage() {
  return <ProxyList />
}
