import { Button } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { Authority, AuthorityCertificate } from '@/api/types'
import { CopyAction } from '@/ui/CopyText'
import { type Column, DataTable } from '@/ui/DataTable'
import { formatCount } from '@/ui/format'
import { ToneMark } from '@/ui/Mark'
import { EmptyState } from '@/ui/States'
import { save } from '@/ui/save'
import { Time } from '@/ui/Time'
import { useText } from '@/ui/useText'

const TONE = { active: 'healthy', pending: 'progress', retired: 'unknown' } as const

/** The roots and intermediates that matter now: what each is, where its key is, how long it lasts. */
export function AuthorityTable({ authority: { certificates } }: { authority: Authority }) {
  const t = useText()
  if (!certificates.length) return <EmptyState title={t('auth.empty')} next={t('auth.empty.next')} />
  const columns: Column<AuthorityCertificate>[] = [
    {
      key: 'kind',
      header: t('auth.certificate'),
      cell: ({ kind, subject }) => (
        <div className="auth-kind">
          <strong>{t(`auth.kind.${kind}`)}</strong>
          <span className="muted">{subject}</span>
        </div>
      ),
      long: true,
    },
    {
      key: 'state',
      header: t('table.state'),
      cell: ({ state, trusted }) => (
        <div>
          <ToneMark tone={TONE[state]} label={t(`auth.state.${state}`)} />
          {!trusted && <div className="muted">{t('auth.untrusted')}</div>}
        </div>
      ),
    },
    { key: 'origin', header: t('auth.origin'), cell: ({ origin }) => t(`auth.origin.${origin}`) },
    { key: 'key', header: t('auth.key'), cell: ({ key }) => t(`auth.key.${key}`) },
    { key: 'algorithm', header: t('auth.algorithm'), cell: ({ algorithm }) => algorithm },
    {
      key: 'from',
      header: t('auth.from'),
      cell: ({ not_before }) => <Time at={not_before} />,
      numeric: true,
      wideOnly: true,
    },
    { key: 'ends', header: t('auth.ends'), cell: ({ not_after }) => <Time at={not_after} />, numeric: true },
    {
      key: 'leaves',
      header: t('auth.under'),
      cell: ({ kind, leaves, fingerprint }) =>
        kind === 'root' ? (
          '–'
        ) : (
          <Link to="/security" search={{ tab: 'certificates', issuer: fingerprint } as never}>
            {formatCount(leaves)}
          </Link>
        ),
      numeric: true,
    },
    {
      key: 'fingerprint',
      header: 'SHA-256',
      cell: ({ fingerprint }) => (
        <span className="copy-text">
          <code title={fingerprint}>{fingerprint.slice(0, 12)}</code>
          <CopyAction value={fingerprint} />
        </span>
      ),
      long: true,
    },
    {
      key: 'pem',
      header: t('table.actions'),
      cell: ({ kind, fingerprint, certificate }) => (
        <Button
          size="compact-xs"
          variant="default"
          onClick={() =>
            save(`${kind}-${fingerprint.slice(0, 12)}.pem`, certificate, 'application/x-pem-file')
          }
        >
          PEM
        </Button>
      ),
      numeric: true,
    },
  ]
  return (
    <DataTable
      label={t('auth.chain')}
      columns={columns}
      rows={[...certificates].reverse()}
      rowKey={({ fingerprint }) => fingerprint}
    />
  )
}
