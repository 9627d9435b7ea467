/** An answer: the decision, what made it, and every policy that was looked at, in the order in which they count. */
import { useQuery } from '@tanstack/react-query'
import { securityQueries } from '@/api/security'
import type { ExplainRequest, ExplainStep, Explanation, Policy, PolicyRule } from '@/api/types'
import type { TextKey, Translate } from '@/text'
import { ToneMark } from '@/ui/Mark'
import { Panel } from '@/ui/Panel'
import { useText } from '@/ui/useText'
import { ruleWords, targetWords } from './draft/words'
import { ActionMark, ModeMark, OutlookGlyph, PolicyLink } from './parts'

type ExplanationViewProps = { explanation: Explanation; request: ExplainRequest }

export function ExplanationView({ explanation, request }: ExplanationViewProps) {
  const t = useText()
  const known = new Map(
    (useQuery(securityQueries.policies({ service: request.service })).data ?? []).map((each) => [
      each.name,
      each,
    ]),
  )
  const { allowed, steps, shadow, token } = explanation
  const checks = steps.filter(({ action }) => action === 'external')
  const denies = steps.filter(({ action }) => action === 'deny')
  const allows = steps.filter(({ action }) => action === 'allow')
  const isClosed = allows.some(({ mode }) => mode === 'enforce')
  const byDefault = !explanation.policy && !isClosed && !token
  const byNone = !explanation.policy && isClosed && !token
  return (
    <>
      <div className="sec-verdict" data-outlook={allowed ? 'allowed' : 'denied'} role="status">
        <OutlookGlyph outlook={allowed ? 'allowed' : 'denied'} />
        <div>
          <strong>{t(allowed ? 'sec.explain.allowed' : 'sec.explain.denied')}</strong>
          <p>{becauseWords(explanation, t)}</p>
          {allowed && explanation.checks.length > 0 && (
            <p>{t('sec.explain.checked', { checks: explanation.checks.join(', ') })}</p>
          )}
          {shadow && (
            <p className="muted">
              {t(allowed ? 'sec.explain.shadowDeny' : 'sec.explain.shadowAllow', { name: shadow })}
            </p>
          )}
        </div>
      </div>
      <Panel title={t('sec.explain.order')} flush>
        <ol className="sec-steps">
          <li className="sec-stage" data-decisive={token ? true : undefined}>
            <h3>{t('sec.explain.stage.token')}</h3>
            <p className={token ? undefined : 'muted'}>
              {token ? tokenWords(token, t) : t('sec.explain.stage.token.none')}
            </p>
          </li>
          <Stage
            title={t('sec.explain.stage.external')}
            nothing={t('sec.explain.stage.external.none')}
            steps={checks}
            known={known}
            decided={explanation}
          />
          <Stage
            title={t('sec.explain.stage.deny')}
            nothing={t('sec.explain.stage.deny.none')}
            steps={denies}
            known={known}
            decided={explanation}
          />
          <Stage
            title={t('sec.explain.stage.allow')}
            nothing={t('sec.explain.stage.allow.none')}
            steps={allows}
            known={known}
            decided={explanation}
            decisive={byNone}
          />
          <li className="sec-stage" data-decisive={byDefault || undefined}>
            <h3>{t('sec.explain.stage.default')}</h3>
            <p className={byDefault ? undefined : 'muted'}>
              {byDefault
                ? t(`sec.explain.default.${explanation.default_action}`)
                : t('sec.explain.stage.unreached')}
            </p>
          </li>
        </ol>
      </Panel>
    </>
  )
}

/** Why, in a sentence. */
export function becauseWords(
  { policy, rule, steps, default_action, token }: Explanation,
  t: Translate,
): string {
  if (token) return tokenWords(token, t)
  if (policy && rule !== null) {
    const action = steps.find((step) => step.policy === policy)?.action ?? 'allow'
    return t(`sec.explain.because.${action}`, { policy, rule: rule + 1 })
  }
  const allows = steps.filter(({ action, mode }) => action === 'allow' && mode === 'enforce')
  if (allows.length) {
    return t('sec.explain.because.unmatched', { policies: allows.map((step) => step.policy).join(', ') })
  }
  return t(`sec.explain.default.${default_action}`)
}

/** Why its token, or the want of one, ends it. */
function tokenWords(reason: string, t: Translate): string {
  return reason === 'absent' ? t('sec.explain.token.absent') : t('sec.explain.token.refused', { reason })
}

type StageProps = {
  title: string
  nothing: string
  steps: ExplainStep[]
  known: ReadonlyMap<string, Policy>
  decided: Explanation
  /** Whether it decided by none of its policies matching. */
  decisive?: boolean
}

function Stage({ title, nothing, steps, known, decided, decisive }: StageProps) {
  return (
    <li className="sec-stage" data-decisive={decisive || steps.some((step) => step.decisive) || undefined}>
      <h3>{title}</h3>
      {steps.length === 0 && <p className="muted">{nothing}</p>}
      {steps.map((step) => (
        <Step key={step.policy} step={step} policy={known.get(step.policy)} decided={decided} />
      ))}
    </li>
  )
}

function Step({
  step,
  policy,
  decided,
}: {
  step: ExplainStep
  policy: Policy | undefined
  decided: Explanation
}) {
  const t = useText()
  const { action, mode, matched, decisive, target } = step
  return (
    <section className="sec-step" data-decisive={decisive || undefined} aria-label={step.policy}>
      <div className="row">
        <PolicyLink name={step.policy} />
        <ActionMark action={action} />
        <ModeMark mode={mode} />
        <span className="muted">{targetWords(target, t)}</span>
        <span className="sec-step-result">
          {decisive ? (
            <strong>{t('sec.explain.decides')}</strong>
          ) : (
            t(matched ? 'sec.explain.matched' : 'sec.explain.unmatched')
          )}
          {mode === 'shadow' && <span className="muted"> {t('sec.explain.countedOnly')}</span>}
        </span>
      </div>
      <ul>
        {step.rules.map(({ index, unmet }) => {
          const rule = policy?.rules[index]
          return (
            <li key={index} data-matched={unmet.length === 0 || undefined}>
              <ToneMark
                tone={unmet.length ? 'unknown' : 'healthy'}
                label={rule ? ruleWords(rule, action, t) : t('sec.explain.rule', { rule: index + 1 })}
              />
              <span className="muted">
                {unmet.length
                  ? t('sec.explain.unmet', {
                      parts: unmet.map((part) => partWords(part, rule, t)).join(', '),
                    })
                  : decisive && decided.rule === index
                    ? t('sec.explain.thisOne')
                    : t('sec.explain.holds')}
              </span>
            </li>
          )
        })}
      </ul>
    </section>
  )
}

/** "from.services" and the like, as the fields of a rule are called. */
export function partWords(part: string, rule: PolicyRule | undefined, t: Translate): string {
  const [group = '', name = '', ...rest] = part.split('.')
  if (group === 'from' && name === 'jwt') {
    return rest.length ? rest.slice(1).join('.') : t('sec.token').toLowerCase()
  }
  if (group === 'from' || group === 'to') return t(`sec.list.${name}` as TextKey).toLowerCase()
  const condition = group === 'when' ? rule?.when[Number(name)] : undefined
  if (condition) return condition.header
  return t(group === 'when' ? 'sec.rule.header' : 'sec.rule.hours').toLowerCase()
}
