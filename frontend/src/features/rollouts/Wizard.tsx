/** From a service to a running rollout in six steps, each with an address of its own. */
import './texts'
import './rollouts.css'
import { Button } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { type FormEvent, type KeyboardEvent, useEffect, useRef } from 'react'
import { PageBody, PageHead, Panel } from '@/ui/Panel'
import { useText } from '@/ui/useText'
import { type Draft, stepsOf, WIZARD_STEPS, type WizardStep, wizardStepOf } from './draft'
import { formatDuration, parseDuration } from './durations'
import { totalOf, weightsOf } from './steps'
import { useStart } from './useStart'
import { type Facts, type StepProps, useWizard, type Wizard as WizardState } from './useWizard'
import { WizardAnalysis } from './WizardAnalysis'
import { WizardReview } from './WizardReview'
import { WizardSafety } from './WizardSafety'
import { WizardService } from './WizardService'
import { WizardStepsTable } from './WizardStepsTable'
import { WizardStrategy } from './WizardStrategy'

export function Wizard() {
  const t = useText()
  const wizard = useWizard()
  const start = useStart(wizard.draft)
  const { step, draft, goTo } = wizard
  const at = WIZARD_STEPS.indexOf(step)
  const heading = useStepFocus(step)
  const next = WIZARD_STEPS[at + 1]
  const blocked = wizard.inTheWay !== null || !draft.service
  const proceed = () => {
    if (next) goTo(next)
    else if (!blocked && !start.isPending) start.mutate()
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (event.target === event.currentTarget) proceed() // not a dialog's form, whose events come here too
  }
  const onKey = (event: KeyboardEvent) => {
    const ours = event.currentTarget.contains(event.target as Node)
    if (!ours || event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return
    event.preventDefault()
    if (!(next && at === 0 && blocked)) proceed()
  }
  const props: StepProps = wizard
  return (
    <PageBody>
      <PageHead
        sentence={draft.service ? t('wizard.title.of', { service: draft.service }) : t('wizard.title')}
        detail={<Summary draft={draft} facts={wizard.facts} />}
      />
      <Stepper wizard={wizard} />
      <form className="wizard" onSubmit={submit} onKeyDown={onKey} noValidate>
        <Panel
          title={
            <span ref={heading} tabIndex={-1} className="wizard-heading">
              {t('wizard.stepOf', { n: at + 1, all: WIZARD_STEPS.length, name: t(`wizard.step.${step}`) })}
            </span>
          }
        >
          <div className="stack wizard-body">
            {wizard.inTheWay && <InTheWay id={wizard.inTheWay} service={draft.service} />}
            {step === 'service' && <WizardService {...props} wizard={wizard} />}
            {step === 'strategy' && <WizardStrategy {...props} />}
            {step === 'steps' && <WizardStepsTable {...props} />}
            {step === 'analysis' && <WizardAnalysis {...props} />}
            {step === 'safety' && <WizardSafety {...props} />}
            {step === 'review' && <WizardReview {...props} />}
            {wizard.refusal && step === 'review' && (
              <p className="text-failing" role="alert">
                {wizard.refusal}
              </p>
            )}
            {start.error && (
              <p className="text-failing" role="alert">
                {start.error.message}
              </p>
            )}
          </div>
        </Panel>
        <div className="wizard-foot">
          {at > 0 && (
            <Button variant="default" onClick={() => goTo(WIZARD_STEPS[at - 1] ?? 'service')}>
              {t('wizard.back')}
            </Button>
          )}
          {next ? (
            <Button type="submit" disabled={blocked}>
              {t('wizard.next', { name: t(`wizard.step.${next}`) })}
            </Button>
          ) : (
            <Button type="submit" disabled={blocked || !wizard.accepted} loading={start.isPending}>
              {startLabel(draft, wizard.facts, t)}
            </Button>
          )}
          <span className="muted wizard-keys">
            <kbd>Ctrl Enter</kbd>
          </span>
        </div>
      </form>
    </PageBody>
  )
}

/** A new step is announced, and read from its beginning; the first one keeps the focus where it is. */
function useStepFocus(step: WizardStep) {
  const heading = useRef<HTMLSpanElement>(null)
  const shown = useRef(step)
  useEffect(() => {
    if (shown.current !== step) heading.current?.focus()
    shown.current = step
  }, [step])
  return heading
}

/** The draft in one line, on every step. */
function Summary({ draft, facts }: { draft: Draft; facts: Facts }) {
  const t = useText()
  if (!draft.service || !draft.canary) return t('wizard.intro')
  const { ms, people } = totalOf(facts.timed, parseDuration(draft.safety.post_check) ?? 0)
  const parts = [
    `${draft.stable} → ${draft.canary}`,
    t(`rollout.strategy.${draft.strategy}`),
    t('wizard.weights', { n: weightsOf(stepsOf(draft)).length }),
    t('wizard.about', { time: formatDuration(ms) }),
    people > 0 ? t('wizard.people', { n: people }) : '',
  ]
  return parts.filter(Boolean).join(' · ')
}

function startLabel(draft: Draft, { timed, rps }: Facts, t: ReturnType<typeof useText>): string {
  const first = timed.find(({ audience }) => audience.share > 0)
  const params = { service: draft.service, canary: draft.canary }
  if (!first || rps === null || timed[0] !== first) return t('wizard.start', params)
  return t('wizard.start.first', {
    ...params,
    weight: `${Math.round(first.audience.share * 100)}\u00a0%`,
  })
}

function InTheWay({ id, service }: { id: string; service: string }) {
  const t = useText()
  return (
    <p className="notice notice-degraded" role="alert">
      {t('wizard.inTheWay', { service })}{' '}
      <Link to="/rollouts/$id" params={{ id }}>
        {t('wizard.inTheWay.open', { id })}
      </Link>
    </p>
  )
}

/** Where we are; any step can be gone to, and one with a fault says so. */
function Stepper({ wizard }: { wizard: WizardState }) {
  const t = useText()
  const { step, errors, draft, goTo } = wizard
  const faulty = new Set(draft.service ? Object.keys(errors).map(wizardStepOf) : [])
  const at = WIZARD_STEPS.indexOf(step)
  return (
    <nav aria-label={t('wizard.steps')}>
      <ol className="stepper">
        {WIZARD_STEPS.map((each, index) => (
          <li key={each}>
            <button
              type="button"
              aria-current={each === step ? 'step' : undefined}
              data-done={index < at || undefined}
              data-faulty={faulty.has(each) || undefined}
              disabled={!draft.service && index > 0}
              onClick={() => goTo(each)}
            >
              <span className="stepper-number" aria-hidden="true">
                {faulty.has(each) ? '!' : index + 1}
              </span>
              <span className="stepper-name">{t(`wizard.step.${each}`)}</span>
              {faulty.has(each) && <span className="visually-hidden">{t('wizard.faulty')}</span>}
            </button>
          </li>
        ))}
      </ol>
    </nav>
  )
}
