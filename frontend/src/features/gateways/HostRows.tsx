import { ActionIcon, Button, Select, TextInput } from '@mantine/core'
import { IconTrash } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { queries } from '@/api/queries'
import type { Gateway } from '@/api/types'
import { useText } from '@/ui/useText'

/** A row keeps an identity of its own while its host is being typed. */
export type Row = { key: number; host: string; service: string }

export const asRows = (hosts: Gateway['hosts']): Row[] => hosts.map((host, key) => ({ key, ...host }))
export const asHosts = (rows: readonly Row[]) => rows.map(({ host, service }) => ({ host, service }))
export const complete = (rows: readonly Row[]) => rows.every(({ host, service }) => host && service)

type HostRowsProps = { rows: Row[]; errors: Record<string, string>; onChange: (rows: Row[]) => void }

/** The hosts of a gateway and where each leads. */
export function HostRows({ rows, errors, onChange }: HostRowsProps) {
  const t = useText()
  const services = (useQuery(queries.services()).data ?? []).map(({ id }) => id)
  const change = (key: number, patch: Partial<Row>) =>
    onChange(rows.map((row) => (row.key === key ? { ...row, ...patch } : row)))
  const add = () =>
    onChange([...rows, { key: Math.max(0, ...rows.map(({ key }) => key)) + 1, host: '', service: '' }])
  return (
    <>
      <p className="muted">{t('gateways.hint')}</p>
      {rows.map((row, index) => (
        <div key={row.key} className="host-row">
          <TextInput
            aria-label={t('gateways.host')}
            placeholder="shop.example.com"
            value={row.host}
            error={errors[`hosts.${index}`]}
            onChange={(event) => change(row.key, { host: event.currentTarget.value })}
          />
          <Select
            aria-label={t('table.service')}
            placeholder={t('table.service')}
            value={row.service || null}
            data={services}
            searchable
            onChange={(service) => change(row.key, { service: service ?? '' })}
          />
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={t('gateways.remove', { host: row.host })}
            onClick={() => onChange(rows.filter(({ key }) => key !== row.key))}
          >
            <IconTrash size={16} />
          </ActionIcon>
        </div>
      ))}
      <div>
        <Button size="xs" variant="default" onClick={add}>
          {t('gateways.add')}
        </Button>
      </div>
    </>
  )
}
