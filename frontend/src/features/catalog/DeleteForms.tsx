/** What an operator takes out of the catalogue: versions and services, after being told what goes with them. */
import { useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { body, client, tagged } from '@/api/client'
import { servicePath } from '@/api/queries'
import type { Service, ServiceVersion } from '@/api/types'
import { FormDialog } from '@/ui/FormDialog'
import { formatRate } from '@/ui/format'
import { useText } from '@/ui/useText'

export function RemoveVersion({ service, version }: { service: string; version: ServiceVersion }) {
  const t = useText()
  const cache = useQueryClient()
  const { name } = version
  return (
    <FormDialog
      label={t('catalog.remove')}
      compact
      danger
      title={t('catalog.version.remove', { version: name, service })}
      submit={t('catalog.version.remove', { version: name, service })}
      apply={(reason) =>
        body(
          client.DELETE('/api/v1/services/{ns}/{name}/versions/{version}/', {
            params: { path: { ...servicePath(service), version: name }, query: { reason } },
          }),
        )
      }
      onDone={() => cache.invalidateQueries({ queryKey: ['service', service] })}
    >
      {() => <p>{t('catalog.version.remove.needs')}</p>}
    </FormDialog>
  )
}

export function DeleteService({ service, rps }: { service: Service; rps: number }) {
  const t = useText()
  const cache = useQueryClient()
  const navigate = useNavigate()
  const { id, versions, instances } = service
  const remove = async (reason: string) => {
    const path = servicePath(id)
    const { etag } = await tagged(client.GET('/api/v1/services/{ns}/{name}/', { params: { path } }))
    return body(
      client.DELETE('/api/v1/services/{ns}/{name}/', {
        params: { path, query: { reason }, header: { 'If-Match': etag } },
      }),
    )
  }
  return (
    <FormDialog
      label={t('catalog.delete')}
      danger
      title={t('catalog.service.delete', { service: id })}
      submit={t('catalog.service.delete', { service: id })}
      apply={remove}
      onDone={() => {
        navigate({ to: '/services' })
        cache.invalidateQueries({ queryKey: ['services'] })
      }}
    >
      {() => (
        <>
          <p>
            {t('catalog.service.delete.touches', {
              versions: versions.length,
              instances,
              rate: formatRate(rps),
              n: instances,
            })}
          </p>
          <p>{t('catalog.service.delete.after')}</p>
        </>
      )}
    </FormDialog>
  )
}
