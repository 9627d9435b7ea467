import { Radio, Stack } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { CERTIFICATES, renewCertificate, revokeCertificate } from '@/api/certificates'
import { useMay } from '@/api/session'
import type { Certificate, RevocationScope } from '@/api/types'
import { FormDialog } from '@/ui/FormDialog'
import { useText } from '@/ui/useText'
import { type CertificateState, namespaceOf, serviceOf, short } from './state'

function useChanged() {
  const cache = useQueryClient()
  return () => cache.invalidateQueries({ queryKey: [CERTIFICATES] })
}

/** Why nothing can be done to a certificate; none where it can. */
function useBlocked({ identity }: Certificate): string | undefined {
  const t = useText()
  return useMay('security.write', namespaceOf(identity)) ? undefined : t('sec.blocked')
}

export function Renew({ certificate, state }: { certificate: Certificate; state: CertificateState }) {
  const t = useText()
  const changed = useChanged()
  const blocked = useBlocked(certificate)
  if (certificate.replaced_at || state === 'expired' || state === 'revoked') return null
  return (
    <FormDialog
      label={t('cert.renew')}
      title={t('cert.renew.title', { identity: serviceOf(certificate.identity) })}
      compact
      blocked={blocked}
      apply={(reason) => renewCertificate(certificate.serial, reason)}
      onDone={changed}
    >
      {() => <p>{t('cert.renew.after')}</p>}
    </FormDialog>
  )
}

type RevokeProps = {
  certificate: Certificate
  holders: readonly Certificate[]
  names: ReadonlyMap<string, string>
}

/** The way out of the mesh: of one proxy, or of all that have the identity. It says whom it takes. */
export function Revoke({ certificate, holders, names }: RevokeProps) {
  const t = useText()
  const changed = useChanged()
  const blocked = useBlocked(certificate)
  const [scope, setScope] = useState<RevocationScope>('certificate')
  if (certificate.revoked_at) return null
  const { identity, proxy, serial } = certificate
  const nameOf = (id: string) => names.get(id) ?? id
  const same = holders.filter((each) => each.identity === identity && names.has(each.proxy))
  const evicted = scope === 'certificate' ? [nameOf(proxy)] : same.map((each) => nameOf(each.proxy))
  return (
    <FormDialog
      label={t('cert.revoke')}
      title={t('cert.revoke.title', { identity: serviceOf(identity) })}
      submit={t('cert.revoke.submit', { n: evicted.length })}
      danger
      compact
      reasonRequired
      blocked={blocked}
      onOpen={() => setScope('certificate')}
      apply={(reason) => revokeCertificate(serial, scope, reason)}
      onDone={changed}
    >
      {() => (
        <>
          <Radio.Group
            label={t('cert.revoke.what')}
            value={scope}
            onChange={(next) => setScope(next as RevocationScope)}
          >
            <Stack gap={8} mt={8}>
              <Radio
                value="certificate"
                label={t('cert.revoke.certificate', { proxy: nameOf(proxy) })}
                description={t('cert.revoke.certificate.hint')}
              />
              <Radio
                value="identity"
                label={t('cert.revoke.identity', { identity })}
                description={t('cert.revoke.identity.hint')}
              />
            </Stack>
          </Radio.Group>
          <p>{t('cert.revoke.evicts', { n: evicted.length, names: evicted.join(', ') })}</p>
          <p className="muted">{t('cert.revoke.serial', { serial: short(serial) })}</p>
        </>
      )}
    </FormDialog>
  )
}
