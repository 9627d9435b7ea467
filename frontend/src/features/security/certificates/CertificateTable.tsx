import { Link } from '@tanstack/react-router'
import type { Certificate } from '@/api/types'
import { CopyAction } from '@/ui/CopyText'
import { Countdown } from '@/ui/Countdown'
import { type Column, DataTable } from '@/ui/DataTable'
import { ToneMark } from '@/ui/Mark'
import { Time } from '@/ui/Time'
import { parseSort, sortText } from '@/ui/urlSort'
import { useText } from '@/ui/useText'
import { Renew, Revoke } from './CertificateActions'
import { serviceOf, short, stateOf, TONE } from './state'

type CertificateTableProps = {
  certificates: Certificate[]
  /** The newest certificate of every proxy: who is evicted with an identity. */
  holders: readonly Certificate[]
  names: ReadonlyMap<string, string>
  now: number
  sort: string
  onSort: (sort: string) => void
}

const timeOf = (at: string | null) => (at ? new Date(at).getTime() : null)

export function CertificateTable({ certificates, holders, names, now, sort, onSort }: CertificateTableProps) {
  const t = useText()
  const columns: Column<Certificate>[] = [
    {
      key: 'identity',
      header: t('cert.identity'),
      cell: ({ identity, proxy }) => (
        <div className="cert-identity">
          <span className="row">
            <strong title={identity}>{serviceOf(identity)}</strong>
            <CopyAction value={identity} />
          </span>
          <Holder id={proxy} name={names.get(proxy)} />
        </div>
      ),
      sort: ({ identity }) => identity,
    },
    {
      key: 'state',
      header: t('table.state'),
      cell: (certificate) => <State certificate={certificate} now={now} />,
      sort: (certificate) => stateOf(certificate, now),
    },
    {
      key: 'ends',
      header: t('cert.ends'),
      cell: ({ not_after }) =>
        new Date(not_after).getTime() > now ? <Countdown to={not_after} /> : <Time at={not_after} />,
      sort: ({ not_after }) => timeOf(not_after),
      numeric: true,
    },
    {
      key: 'issued',
      header: t('cert.issued'),
      cell: ({ issued_at }) => <Time at={issued_at} />,
      sort: ({ issued_at }) => timeOf(issued_at),
      numeric: true,
    },
    {
      key: 'next',
      header: t('cert.renews'),
      cell: (certificate) => <Next certificate={certificate} now={now} />,
      sort: ({ renews_at }) => timeOf(renews_at),
      numeric: true,
    },
    {
      key: 'issuer',
      header: t('cert.issuer'),
      cell: ({ issuer }) => (
        <Link to="/security" search={{ tab: 'certificates', issuer } as never} title={issuer}>
          <code>{short(issuer)}</code>
        </Link>
      ),
    },
    {
      key: 'serial',
      header: t('cert.serial'),
      cell: ({ serial }) => (
        <span className="copy-text">
          <code title={serial} className="cert-serial">
            {short(serial)}
          </code>
          <CopyAction value={serial} />
        </span>
      ),
    },
    {
      key: 'actions',
      header: t('table.actions'),
      cell: (certificate) => (
        <span className="cert-actions">
          <Link to="/security" search={{ tab: 'certificates', proxy: certificate.proxy } as never}>
            {t('cert.history')}
          </Link>
          <Renew certificate={certificate} state={stateOf(certificate, now)} />
          <Revoke certificate={certificate} holders={holders} names={names} />
        </span>
      ),
      numeric: true,
    },
  ]
  return (
    <DataTable
      label={t('sec.tab.certificates')}
      columns={columns}
      rows={certificates}
      rowKey={({ serial }) => serial}
      sort={parseSort(sort)}
      onSort={(next) => onSort(sortText(next))}
    />
  )
}

/** A proxy that was evicted has no page any more. */
function Holder({ id, name }: { id: string; name: string | undefined }) {
  if (name === undefined) return <span className="muted">{id}</span>
  return (
    <Link to="/proxies/$id" params={{ id }}>
      {name}
    </Link>
  )
}

type RowProps = { certificate: Certificate; now: number }

function State({ certificate, now }: RowProps) {
  const t = useText()
  const state = stateOf(certificate, now)
  if (certificate.replaced_at && state === 'valid') {
    return <ToneMark tone="unknown" label={t('cert.state.replaced')} />
  }
  return (
    <div>
      <ToneMark tone={TONE[state]} label={t(`cert.state.${state}`)} />
      {state === 'valid' && !certificate.held && <div className="muted">{t('cert.notHeld')}</div>}
      {certificate.revoked_at && (
        <div className="muted">
          <Time at={certificate.revoked_at} />
        </div>
      )}
    </div>
  )
}

/** An order goes out at once; a renewal that is due happens give or take a tenth of the certificate's life. */
function Next({ certificate: { renews_at, renewal_ordered_at, late }, now }: RowProps) {
  const t = useText()
  if (!renews_at) return <Countdown to={null} />
  if (renewal_ordered_at) {
    return (
      <span title={t('cert.ordered.hint')}>
        {t('cert.ordered')} <Time at={renewal_ordered_at} />
      </span>
    )
  }
  if (new Date(renews_at).getTime() > now) return <Countdown to={renews_at} />
  return <span className={late ? 'text-degraded' : 'muted'}>{t(late ? 'cert.overdue' : 'cert.due')}</span>
}
