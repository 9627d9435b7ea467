import { useInfoLive } from '@/api/useLive'
import { CopyText } from '@/ui/CopyText'
import { NONE } from '@/ui/format'
import { Facts, Panel } from '@/ui/Panel'
import { Loaded } from '@/ui/States'
import { useText } from '@/ui/useText'

export function About() {
  const t = useText()
  const query = useInfoLive()
  return (
    <Panel title={t('settings.about')}>
      <Loaded query={query} source={t('settings.about')}>
        {(info) => (
          <div className="stack">
            <Facts
              items={[
                [t('about.version'), `${info.name} ${info.version}`],
                [t('about.environment'), info.environment],
                [t('about.trustDomain'), <CopyText key="t" value={info.trust_domain} />],
                [t('about.revision'), info.revision ?? NONE],
                [t('about.gateway'), info.gateway_url ? <CopyText key="g" value={info.gateway_url} /> : NONE],
              ]}
            />
            <p>
              <a href="/api/v1/docs/">{t('about.api')}</a>
            </p>
          </div>
        )}
      </Loaded>
    </Panel>
  )
}
