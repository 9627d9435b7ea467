import { Checkbox, FileInput, Radio, Stack, Textarea } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { AUTHORITY, bringIntermediate, startRotation } from '@/api/authority'
import type { Authority, AuthorityOffer } from '@/api/types'
import { FormDialog } from '@/ui/FormDialog'
import { useText } from '@/ui/useText'

type Into = 'rotation' | 'intermediate'
type Source = AuthorityOffer['source']
type OfferDialogProps = { into: Into; authority: Authority; blocked: string | undefined }

const SOURCES = ['made', 'imported', 'offline'] as const
const FRESH: AuthorityOffer = { source: 'made', certificate: '', key: '', key_place: 'builtin', reason: '' }
const FIELDS = ['source', 'certificate', 'key', 'key_place'] as const

/** A new root, by a rotation, or a new intermediate under the root that there is. */
export function OfferDialog({ into, authority, blocked }: OfferDialogProps) {
  const t = useText()
  const cache = useQueryClient()
  const [offer, setOffer] = useState(FRESH)
  const change = (patch: Partial<AuthorityOffer>) => setOffer({ ...offer, ...patch })
  const brings = offer.source !== 'made'
  const send = into === 'rotation' ? startRotation : bringIntermediate
  return (
    <FormDialog<unknown>
      label={t(`auth.${into}`)}
      title={t(`auth.${into}.title`)}
      submit={t(`auth.${into}.submit`)}
      blocked={blocked}
      fields={FIELDS}
      ready={!brings || offer.certificate.trim() !== ''}
      onOpen={() => setOffer(FRESH)}
      apply={(reason) => send({ ...sentOf(offer), reason })}
      onDone={() => {
        setOffer(FRESH)
        cache.invalidateQueries({ queryKey: [AUTHORITY] })
      }}
    >
      {(errors) => (
        <>
          <p>{t(`auth.${into}.what`)}</p>
          <Radio.Group
            label={t('auth.offer.source')}
            value={offer.source}
            error={errors.source}
            onChange={(next) => change({ source: next as Source, certificate: '', key: '' })}
          >
            <Stack gap={8} mt={8}>
              {SOURCES.map((source) => (
                <Radio
                  key={source}
                  value={source}
                  disabled={!isPossible(source, into, authority)}
                  label={t(`auth.offer.${source}`)}
                  description={t(`auth.offer.${source}.${into}`)}
                />
              ))}
            </Stack>
          </Radio.Group>
          {brings && (
            <Pem
              label={t('auth.offer.certificate')}
              hint={t('auth.offer.certificate.hint')}
              value={offer.certificate}
              error={errors.certificate}
              onChange={(certificate) => change({ certificate })}
            />
          )}
          {offer.source === 'imported' && authority.signer && (
            <Checkbox
              label={t('auth.offer.external')}
              checked={offer.key_place === 'external'}
              error={errors.key_place}
              onChange={(event) =>
                change({ key: '', key_place: event.currentTarget.checked ? 'external' : 'builtin' })
              }
            />
          )}
          {offer.source === 'imported' && offer.key_place === 'builtin' && (
            <Pem
              label={t('auth.offer.key')}
              hint={t('auth.offer.key.hint')}
              value={offer.key}
              error={errors.key}
              onChange={(key) => change({ key })}
            />
          )}
        </>
      )}
    </FormDialog>
  )
}

function sentOf(offer: AuthorityOffer): AuthorityOffer {
  return offer.source === 'imported' ? offer : { ...offer, key: '', key_place: 'builtin' }
}

/** Made here takes the root's key, a signed request one that waits. */
function isPossible(source: Source, into: Into, { certificates, request }: Authority): boolean {
  if (source === 'offline') return request !== null
  const root = certificates.find(({ kind, state }) => kind === 'root' && state === 'active')
  return source === 'imported' || into === 'rotation' || root?.key !== 'elsewhere'
}

type PemProps = {
  label: string
  hint: string
  value: string
  error: string | undefined
  onChange: (text: string) => void
}

/** Pasted, or read from a file. */
function Pem({ label, hint, value, error, onChange }: PemProps) {
  const t = useText()
  return (
    <div className="auth-pem">
      <Textarea
        label={label}
        description={hint}
        value={value}
        error={error}
        rows={5}
        spellCheck={false}
        autoComplete="off"
        placeholder="-----BEGIN …"
        classNames={{ input: 'auth-pem-text' }}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
      <FileInput
        size="xs"
        aria-label={t('auth.offer.file', { what: label })}
        placeholder={t('auth.offer.file', { what: label })}
        accept=".pem,.crt,.cer,.key"
        value={null}
        onChange={async (file) => file && onChange(await file.text())}
      />
    </div>
  )
}
