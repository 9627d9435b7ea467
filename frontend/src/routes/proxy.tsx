import { useParams } from '@tanstack/react-router'
import { ProxyDetail } from '@/features/proxies/ProxyDetail'

export function ProxyPage() {
  const { id = '' } = useParams({ strict: false })
  return <ProxyDetail key={id} id={id} />
}
