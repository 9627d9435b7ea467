import { Link } from '@tanstack/react-router'
import type { SyncState } from '@/api/types'
import { useProxiesLive } from '@/api/useLive'
import { SyncMark } from '@/ui/Mark'
import { Panel } from '@/ui/Panel'
import { Loaded } from '@/ui/States'
import { Time } from '@/ui/Time'
import { useText } from '@/ui/useText'

const ORDER: SyncState[] = ['refused', 'syncing', 'offline', 'synced']
const LISTED = 6

/** Proxies that do not run what the mesh wants of them. */
export function SyncPanel() {
  const t = useText()
  const query = useProxiesLive()
  return (
    <Panel title={t('overview.sync')} aside={<Link to="/proxies">{t('overview.allProxies')}</Link>}>
      <Loaded query={query} source={t('source.proxies')}>
        {(proxies) => {
          const late = proxies
            .filter(({ sync }) => sync.state !== 'synced')
            .sort((a, b) => ORDER.indexOf(a.sync.state) - ORDER.indexOf(b.sync.state))
          if (late.length === 0) {
            return <SyncMark state="synced" label={t('proxies.sentence.synced', { n: proxies.length })} />
          }
          return (
            <ul className="plain-list">
              {late.slice(0, LISTED).map(({ id, name, sync, last_seen_at: seen }) => (
                <li key={id}>
                  <span className="row">
                    <SyncMark state={sync.state} />
                    <Link to="/proxies/$id" params={{ id }}>
                      {name}
                    </Link>
                    <span className="muted">
                      <Time at={sync.refused[0]?.since ?? seen} />
                    </span>
                  </span>
                  {sync.refused[0] && <p className="muted">{sync.refused[0].error}</p>}
                </li>
              ))}
            </ul>
          )
        }}
      </Loaded>
    </Panel>
  )
}
