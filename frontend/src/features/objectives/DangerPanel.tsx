import { Link } from '@tanstack/react-router'
import type { Objective } from '@/api/types'
import { formatFactor } from '@/ui/format'
import { Panel } from '@/ui/Panel'
import { useText } from '@/ui/useText'
import { BudgetLeft, isInDanger, promisesOf, promiseWords, StateMark } from './parts'

/** Promises whose budget burns or is used up, for the overview. */
export function DangerPanel({ objectives }: { objectives: readonly Objective[] }) {
  const t = useText()
  return (
    <Panel
      title={t('overview.objectives')}
      aside={
        <Link to="/alerts" search={{ tab: 'objectives' } as never}>
          {t('overview.allObjectives')}
        </Link>
      }
    >
      <ul className="plain-list">
        {promisesOf(objectives)
          .filter(isInDanger)
          .map(({ service, kind, budget }) => {
            const [namespace = '', name = ''] = service.split('/')
            const firing = budget.burn.find(({ firing: fires }) => fires)
            return (
              <li key={`${service} ${kind}`}>
                <span className="row">
                  <StateMark budget={budget} />
                  <Link
                    to="/services/$namespace/$name"
                    params={{ namespace, name }}
                    search={{ tab: 'objectives' } as never}
                  >
                    {service}
                  </Link>
                  <span className="muted">{promiseWords(budget, t)}</span>
                </span>
                <span className="row">
                  <BudgetLeft budget={budget} />
                  {firing && <span className="text-failing">{formatFactor(firing.long)}</span>}
                </span>
              </li>
            )
          })}
      </ul>
    </Panel>
  )
}
