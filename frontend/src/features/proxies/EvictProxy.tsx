import { useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { body, client } from '@/api/client'
import type { MeshProxy } from '@/api/types'
import { FormDialog } from '@/ui/FormDialog'
import { formatCount, formatRate } from '@/ui/format'
import { useText } from '@/ui/useText'

/** Put a proxy out of the mesh, after saying what that touches. */
export function EvictProxy({ proxy }: { proxy: MeshProxy }) {
  const t = useText()
  const cache = useQueryClient()
  const navigate = useNavigate()
  const { name, service, service_version: version, load } = proxy
  return (
    <FormDialog
      label={t('proxy.evict')}
      title={t('proxy.evict.title', { name })}
      submit={t('proxy.evict.named', { name })}
      danger
      apply={(reason) =>
        body(
          client.DELETE('/api/v1/proxies/{proxy_id}/', {
            params: { path: { proxy_id: proxy.id }, query: { reason } },
          }),
        )
      }
      onDone={() => {
        cache.invalidateQueries({ queryKey: ['proxies'] })
        navigate({ to: '/proxies' })
      }}
    >
      {() => (
        <>
          <p>
            {t('proxy.evict.touches', {
              target: `${service} ${version}`.trim(),
              rate: formatRate(load?.rps ?? 0),
              connections: formatCount(load?.connections ?? 0),
              n: load?.connections ?? 0,
            })}
          </p>
          <p>{t('proxy.evict.after')}</p>
        </>
      )}
    </FormDialog>
  )
}
