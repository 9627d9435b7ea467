import { useQuery } from '@tanstack/react-query'
import { authorityQueries, isUnderWay } from '@/api/authority'
import type { Rotation } from '@/api/types'
import { type Column, DataTable } from '@/ui/DataTable'
import { ToneMark } from '@/ui/Mark'
import { Panel } from '@/ui/Panel'
import { Loaded } from '@/ui/States'
import { Time } from '@/ui/Time'
import { useText } from '@/ui/useText'
import { useUrlState } from '@/ui/useUrlState'
import { Steps } from './RotationPanel'

const DEFAULTS = { rotation: '' }

/** What was done to the root before, each with its steps. Nothing where it never was. */
export function EarlierRotations() {
  const t = useText()
  const [{ rotation: open }, set] = useUrlState(DEFAULTS)
  const query = useQuery(authorityQueries.rotations())
  const columns: Column<Rotation>[] = [
    {
      key: 'id',
      header: t('rotation.rotation'),
      cell: ({ id }) => (
        <button
          type="button"
          className="link-button"
          aria-expanded={open === String(id)}
          onClick={() => set({ rotation: open === String(id) ? '' : String(id) })}
        >
          #{id}
        </button>
      ),
    },
    {
      key: 'state',
      header: t('table.state'),
      cell: ({ state }) => (
        <ToneMark tone={state === 'done' ? 'healthy' : 'degraded'} label={t(`rotation.state.${state}`)} />
      ),
    },
    { key: 'source', header: t('auth.origin'), cell: ({ source }) => t(`auth.origin.${source}`) },
    { key: 'by', header: t('rotation.who'), cell: ({ actor }) => actor },
    { key: 'why', header: t('table.why'), cell: ({ reason }) => reason || '–', long: true },
    {
      key: 'at',
      header: t('rotation.finished'),
      cell: (each) => <Time at={each.finished_at} />,
      numeric: true,
    },
  ]
  return (
    <Loaded query={query} source={t('rotation.earlier')}>
      {(all) => {
        const over = all.filter((each) => !isUnderWay(each))
        return (
          over.length > 0 && (
            <Panel title={t('rotation.earlier')} flush>
              <DataTable
                label={t('rotation.earlier')}
                columns={columns}
                rows={over}
                rowKey={({ id }) => String(id)}
                selected={open}
                detail={(rotation) => <Steps rotation={rotation} />}
              />
            </Panel>
          )
        )
      }}
    </Loaded>
  )
}
