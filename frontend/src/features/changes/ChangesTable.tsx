import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { Change } from '@/api/types'
import { type Column, DataTable } from '@/ui/DataTable'
import { Time } from '@/ui/Time'
import { useText } from '@/ui/useText'

type ChangesTableProps = {
  changes: Change[]
  /** What can be done about each. */
  action?: (change: Change) => ReactNode
}

export function ChangesTable({ changes, action }: ChangesTableProps) {
  const t = useText()
  const columns: Column<Change>[] = [
    {
      key: 'id',
      header: t('changes.change'),
      cell: ({ id, summary }) => (
        <Link to="/changes/$id" params={{ id: String(id) }}>
          #{id} {summary}
        </Link>
      ),
    },
    {
      key: 'object',
      header: t('changes.object'),
      cell: (change) => <ObjectLink object={change.object} />,
      long: true,
    },
    {
      key: 'action',
      header: t('changes.action'),
      cell: (change) => <code>{change.action}</code>,
      wideOnly: true,
    },
    { key: 'actor', header: t('changes.actor'), cell: (change) => change.actor },
    { key: 'reason', header: t('changes.reason'), cell: (change) => change.reason, wideOnly: true },
    { key: 'at', header: t('changes.at'), cell: (change) => <Time at={change.at} />, numeric: true },
    ...(action ? [{ key: 'actions', header: t('table.actions'), cell: action, numeric: true }] : []),
  ]
  return (
    <DataTable
      label={t('nav.changes')}
      columns={columns}
      rows={changes}
      rowKey={(change) => String(change.id)}
    />
  )
}

/** A link where the object has a page. */
export function ObjectLink({ object }: { object: string }) {
  const [kind, id = ''] = object.split(/:(.*)/s)
  const [namespace = '', name = ''] = id.split('/')
  if (kind === 'service' && name) {
    return (
      <Link to="/services/$namespace/$name" params={{ namespace, name }}>
        {id}
      </Link>
    )
  }
  if (kind === 'proxy' && id) {
    return (
      <Link to="/proxies/$id" params={{ id }}>
        {object}
      </Link>
    )
  }
  return <span>{object}</span>
}
