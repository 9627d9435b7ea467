import { Button } from '@mantine/core'
import { BUNDLE } from '@/api/authority'
import { CopyText } from '@/ui/CopyText'
import { Panel } from '@/ui/Panel'
import { useText } from '@/ui/useText'

/** The roots for those outside: downloads, and the address to fetch them from. */
export function BundlePanel() {
  const t = useText()
  return (
    <Panel
      title={t('auth.bundle')}
      aside={
        <>
          <Button size="xs" variant="default" component="a" href={BUNDLE.pem} download>
            {t('auth.bundle.pem')}
          </Button>
          <Button size="xs" variant="default" component="a" href={BUNDLE.json} download="bundle.json">
            {t('auth.bundle.json')}
          </Button>
        </>
      }
    >
      <div className="stack">
        <p className="muted">{t('auth.bundle.hint')}</p>
        <CopyText block value={`curl -fsS ${window.location.origin}${BUNDLE.pem}`} />
      </div>
    </Panel>
  )
}
