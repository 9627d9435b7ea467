import type { ReactNode } from 'react'
import type { Simulation } from '@/api/types'
import { formatShare } from '@/ui/format'
import { ToneMark } from '@/ui/Mark'
import { useText } from '@/ui/useText'
import { writeDuration } from './draft/duration'
import { wholeRoute } from './draft/rules'
import { same } from './draft/shape'
import * as words from './draft/words'

type SimulationViewProps = {
  title: string
  simulation: Simulation
  /** The same request met otherwise: what differs from it is marked. */
  other: Simulation | undefined
}

/** One way that a request may go, from the listener to the head that goes on. */
export function SimulationView({ title, simulation, other }: SimulationViewProps) {
  const t = useText()
  const {
    outcome,
    listener,
    service,
    backends,
    chosen,
    limits,
    timeouts,
    connect_timeout_ms: connect,
  } = simulation
  const route = simulation.route && wholeRoute(simulation.route)
  const facts: [label: string, value: ReactNode, of: (each: Simulation) => unknown][] = [
    [t('try.listener'), t(`try.listener.${listener}`), (each) => each.listener],
    [t('try.service'), service, (each) => each.service],
    [
      t('try.route'),
      route && (
        <>
          <strong>{route.name}</strong> <span className="muted">{placeWords(simulation, t)}</span>
          <div className="muted">{words.routeWords(route, t)}</div>
        </>
      ),
      (each) => each.route,
    ],
    [
      t('try.backends'),
      backends.length > 0 && (
        <>
          {backends.map(({ version, share }) => `${version} ${formatShare(share / 100)}`).join(', ')}
          {chosen && <div className="muted">{t('try.chosen', { version: chosen })}</div>}
        </>
      ),
      (each) => [each.backends, each.chosen],
    ],
    [t('try.policy'), simulation.policy && policyWords(simulation.policy, t), (each) => each.policy],
    [
      t('try.limits'),
      limits.length > 0 && limits.map((limit) => `${limit.name}: ${words.limitWords(limit, t)}`).join('; '),
      (each) => each.limits,
    ],
    [
      t('try.timeouts'),
      timeouts &&
        outcome === 'forward' &&
        t('try.timeouts.of', {
          request: writeDuration(timeouts.request_ms),
          idle: writeDuration(timeouts.idle_ms),
          connect: writeDuration(connect),
        }),
      (each) => [each.timeouts, each.connect_timeout_ms],
    ],
  ]
  return (
    <section className="simulation" aria-label={title}>
      <header className="simulation-head">
        <h3>{title}</h3>
        <Outcome simulation={simulation} />
      </header>
      <dl className="simulation-facts">
        {facts
          .filter(([, value]) => value)
          .map(([label, value, of]) => (
            <div key={label} data-differs={(other && !same(of(simulation), of(other))) || undefined}>
              <dt>{label}</dt>
              <dd>{value}</dd>
            </div>
          ))}
      </dl>
      {simulation.lines.length > 0 && (
        <figure className="simulation-lines">
          <figcaption className="muted">{t(outcome === 'forward' ? 'try.head' : 'try.answer')}</figcaption>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard */}
          <pre tabIndex={0}>
            {simulation.lines.map((line) => (
              <span key={line} data-differs={(other && !other.lines.includes(line)) || undefined}>
                {`${line}\n`}
              </span>
            ))}
          </pre>
        </figure>
      )}
    </section>
  )
}

function placeWords({ index }: Simulation, t: ReturnType<typeof useText>): string {
  return index === null ? t('try.route.overlay') : t('try.route.place', { place: index + 1 })
}

/** What access policies say, where the request reaches a service. */
function policyWords(
  { allowed, policy, rule, shadow }: NonNullable<Simulation['policy']>,
  t: ReturnType<typeof useText>,
): string {
  const decision = allowed ? 'allowed' : 'denied'
  const said =
    rule === null
      ? t(`try.policy.${decision}.default`)
      : t(`try.policy.${decision}`, { rule: rule + 1, policy })
  return shadow ? said + t('try.policy.shadow', { policy: shadow }) : said
}

/** What the client gets, in a few words. */
function Outcome({ simulation }: { simulation: Simulation }) {
  const t = useText()
  const { outcome, status, flag, reason, backends } = simulation
  if (outcome === 'forward') {
    const versions = backends.map(({ version }) => version).join(', ')
    return <ToneMark tone="healthy" label={t('try.outcome.forward', { versions })} />
  }
  if (outcome !== 'refused')
    return <ToneMark tone="progress" label={t(`try.outcome.${outcome}`, { status })} />
  return <ToneMark tone="failing" label={t('try.outcome.refused', { status, flag, reason })} />
}
