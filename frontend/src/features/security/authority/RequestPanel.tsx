import { Button } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { AUTHORITY, makeRequest, withdrawRequest } from '@/api/authority'
import type { Authority } from '@/api/types'
import { CopyText } from '@/ui/CopyText'
import { FormDialog } from '@/ui/FormDialog'
import { Panel } from '@/ui/Panel'
import { save } from '@/ui/save'
import { Time } from '@/ui/Time'
import { useText } from '@/ui/useText'

type RequestPanelProps = { request: Authority['request']; blocked: string | undefined }

const SIGN =
  'openssl x509 -req -in request.pem -CA root.pem -CAkey root.key -days 730 -sha256 -copy_extensions copyall -out intermediate.pem'

/** An intermediate whose root stays offline: its request goes out, the signed certificate comes back. */
export function RequestPanel({ request, blocked }: RequestPanelProps) {
  const t = useText()
  const cache = useQueryClient()
  const changed = () => cache.invalidateQueries({ queryKey: [AUTHORITY] })
  return (
    <Panel
      title={t('auth.request')}
      aside={
        <>
          {request && (
            <Button
              size="xs"
              variant="default"
              onClick={() => save('request.pem', request.csr, 'application/x-pem-file')}
            >
              {t('auth.request.download')}
            </Button>
          )}
          <FormDialog
            label={t(request ? 'auth.request.again' : 'auth.request.make')}
            title={t('auth.request.make')}
            blocked={blocked}
            apply={makeRequest}
            onDone={changed}
          >
            {() => <p>{t(request ? 'auth.request.replaces' : 'auth.request.after')}</p>}
          </FormDialog>
          {request && (
            <FormDialog
              label={t('auth.request.withdraw')}
              title={t('auth.request.withdraw')}
              danger
              blocked={blocked}
              apply={withdrawRequest}
              onDone={changed}
            >
              {() => <p>{t('auth.request.withdraw.after')}</p>}
            </FormDialog>
          )}
        </>
      }
    >
      {request ? (
        <div className="stack">
          <p>
            {t('auth.request.waits', { actor: request.actor })} <Time at={request.created_at} />
          </p>
          <CopyText block value={request.csr} />
          <p className="muted">{t('auth.request.sign')}</p>
          <CopyText block value={SIGN} />
        </div>
      ) : (
        <p className="muted">{t('auth.request.hint')}</p>
      )}
    </Panel>
  )
}
