import './texts'
import { Link } from '@tanstack/react-router'
import type { EndingCertificate } from '@/api/types'
import { ToneMark } from '@/ui/Mark'
import { Panel } from '@/ui/Panel'
import { Time } from '@/ui/Time'
import { useText } from '@/ui/useText'

/** Certificates in their last quarter; nothing where there are none. */
export function CertificatesPanel({ certificates }: { certificates: readonly EndingCertificate[] }) {
  const t = useText()
  if (certificates.length === 0) return null
  return (
    <Panel
      title={t('overview.certificates')}
      aside={
        <Link to="/security" search={{ tab: 'certificates' } as never}>
          {t('nav.security')}
        </Link>
      }
    >
      <ul className="plain-list">
        {certificates.map((certificate) => (
          <li key={`${certificate.kind} ${certificate.proxy}`} className="row">
            <ToneMark tone="degraded" label={nameOf(certificate, t)} />
            {certificate.kind === 'proxy' && (
              <Link to="/proxies/$id" params={{ id: certificate.proxy }}>
                {certificate.service} {certificate.name}
              </Link>
            )}
            <span className="muted">
              <Time at={certificate.not_after} />
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  )
}

function nameOf({ kind }: EndingCertificate, t: ReturnType<typeof useText>): string {
  return kind === 'proxy' ? t('table.proxy') : t(`overview.authority.${kind}`)
}
