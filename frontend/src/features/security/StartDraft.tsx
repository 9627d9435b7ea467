/** A button that begins a new policy from something. A draft that is there already is not thrown away unasked. */
import { Button, Modal } from '@mantine/core'
import { Link, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { useText } from '@/ui/useText'
import { newPolicy, type PolicyDraft, sameValue } from './draft/policy'
import { NEW, setDraft, useDraft } from './draft/store'

type StartDraftProps = { label: string; value: () => PolicyDraft; quiet?: boolean }

export function StartDraft({ label, value, quiet }: StartDraftProps) {
  const t = useText()
  const navigate = useNavigate()
  const draft = useDraft(NEW)?.value
  const [asking, setAsking] = useState(false)
  const start = () => {
    setDraft(NEW, { version: '', value: value() })
    navigate({ to: '/security/policies/new' })
  }
  const isWorth = draft !== undefined && !sameValue(draft, newPolicy()) && !sameValue(draft, value())
  return (
    <>
      <Button
        size="xs"
        variant={quiet ? 'default' : 'filled'}
        onClick={isWorth ? () => setAsking(true) : start}
      >
        {label}
      </Button>
      <Modal
        opened={asking}
        onClose={() => setAsking(false)}
        title={t('sec.replace.title')}
        closeButtonProps={{ 'aria-label': t('action.close') }}
      >
        <div className="stack">
          <p>{t('sec.replace.text', { name: draft?.name || t('sec.policy.new') })}</p>
          <div className="row">
            <Button size="xs" color="red" onClick={start}>
              {t('sec.replace.submit')}
            </Button>
            <Button
              size="xs"
              variant="default"
              renderRoot={(props) => <Link to="/security/policies/new" {...props} />}
            >
              {t('sec.policy.resume')}
            </Button>
            <Button size="xs" variant="default" onClick={() => setAsking(false)}>
              {t('action.cancel')}
            </Button>
          </div>
        </div>
      </Modal>
    </>
  )
}
