import { useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { AUTHORITY, passOver } from '@/api/authority'
import type { MissingProxy, Rotation } from '@/api/types'
import { type Column, DataTable } from '@/ui/DataTable'
import { FormDialog } from '@/ui/FormDialog'
import { ToneMark } from '@/ui/Mark'
import { Time } from '@/ui/Time'
import { useText } from '@/ui/useText'

type MissingTableProps = { rotation: Rotation; blocked: string | undefined }

const TONE = { waiting: 'progress', offline: 'unknown', refused: 'failing' } as const

/** Whom a rotation waits for, for what, and since when; each can be left behind by name. */
export function MissingTable({ rotation, blocked }: MissingTableProps) {
  const t = useText()
  const { id, missing, missing_total, may } = rotation
  if (!missing.length) return null
  const columns: Column<MissingProxy>[] = [
    {
      key: 'proxy',
      header: t('table.proxy'),
      cell: ({ proxy, name, service }) => (
        <>
          <Link to="/proxies/$id" params={{ id: proxy }}>
            {name}
          </Link>{' '}
          <span className="muted">{service}</span>
        </>
      ),
    },
    { key: 'what', header: t('rotation.missing.what'), cell: ({ what }) => t(`rotation.missing.${what}`) },
    {
      key: 'state',
      header: t('table.state'),
      cell: ({ state, error }) => (
        <div>
          <ToneMark tone={TONE[state]} label={t(`rotation.missing.${state}`)} />
          {error && <div className="text-failing">{error}</div>}
        </div>
      ),
      long: true,
    },
    {
      key: 'since',
      header: t('rotation.missing.since'),
      cell: ({ since }) => <Time at={since} />,
      numeric: true,
    },
    {
      key: 'seen',
      header: t('table.lastSeen'),
      cell: ({ last_seen_at }) => <Time at={last_seen_at} />,
      numeric: true,
    },
    {
      key: 'actions',
      header: t('table.actions'),
      cell: (proxy) => may.pass_over && <PassOver id={id} proxy={proxy} blocked={blocked} />,
      numeric: true,
      long: true,
    },
  ]
  return (
    <div className="stack">
      <DataTable
        label={t('rotation.missing')}
        columns={columns}
        rows={missing}
        rowKey={({ proxy }) => proxy}
      />
      {missing_total > missing.length && (
        <p className="muted">{t('rotation.missing.more', { n: missing_total - missing.length })}</p>
      )}
    </div>
  )
}

function PassOver({ id, proxy, blocked }: { id: number; proxy: MissingProxy; blocked: string | undefined }) {
  const t = useText()
  const cache = useQueryClient()
  const { name, service } = proxy
  return (
    <FormDialog
      label={t('rotation.pass')}
      title={t('rotation.pass.title', { name })}
      submit={t('rotation.pass.title', { name })}
      danger
      compact
      reasonRequired
      blocked={blocked}
      apply={(reason) => passOver(id, proxy.proxy, reason)}
      onDone={() => cache.invalidateQueries({ queryKey: [AUTHORITY] })}
    >
      {() => <p>{t('rotation.pass.after', { name, service })}</p>}
    </FormDialog>
  )
}
