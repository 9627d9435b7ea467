/** Small pieces that the pages of security share: every decision has its own shape, words and colour. */
import './security.css'
import { Link } from '@tanstack/react-router'
import type { Outlook, PolicyAction, PolicyMode } from '@/api/types'
import { useText } from '@/ui/useText'

/** Allowed is a ring with a tick, denied a filled bar, conditional half of a disc. */
export function OutlookGlyph({ outlook }: { outlook: Outlook }) {
  return (
    <svg className={`sec-glyph sec-${outlook}`} viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
      {outlook === 'allowed' && <path d="M2.2 6.4 4.9 9 9.8 3.4" className="sec-stroke" />}
      {outlook === 'denied' && (
        <path d="M6 .8a5.2 5.2 0 1 0 0 10.4A5.2 5.2 0 0 0 6 .8zM3 5h6v2H3z" fillRule="evenodd" />
      )}
      {outlook === 'conditional' && (
        <>
          <circle cx="6" cy="6" r="4.4" className="sec-stroke" />
          <path d="M6 1.6a4.4 4.4 0 0 1 0 8.8z" />
        </>
      )}
    </svg>
  )
}

export function OutlookMark({ outlook, label }: { outlook: Outlook; label?: string }) {
  const t = useText()
  return (
    <span className="marked">
      <OutlookGlyph outlook={outlook} />
      <span>{label ?? t(`sec.outlook.${outlook}`)}</span>
    </span>
  )
}

type DecisionProps = { decision: 'allowed' | 'denied'; quietAllowed?: boolean }

export function DecisionMark({ decision, quietAllowed }: DecisionProps) {
  return (
    <span className={quietAllowed && decision === 'allowed' ? 'muted' : undefined}>
      <OutlookMark outlook={decision} />
    </span>
  )
}

export function ActionMark({ action }: { action: PolicyAction }) {
  const t = useText()
  const outlook = { allow: 'allowed', deny: 'denied', external: 'conditional' } as const
  return <OutlookMark outlook={outlook[action]} label={t(`sec.action.${action}`)} />
}

/** A policy in shadow has a dashed frame: it is there, and decides nothing. */
export function ModeMark({ mode }: { mode: PolicyMode }) {
  const t = useText()
  return <span className={`sec-mode sec-mode-${mode}`}>{t(`sec.mode.${mode}`)}</span>
}

export function PolicyLink({ name }: { name: string }) {
  return (
    <Link to="/security/policies/$name" params={{ name }}>
      {name}
    </Link>
  )
}
