/** A button that opens a small form, which makes one change, with a reason, and closes once it is made. */
import { Button, Modal, TextInput, Tooltip } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, type ReactNode, useState } from 'react'
import { toFormErrors } from '@/api/problem'
import { Propose } from './Propose'
import { useText } from './useText'

type FormDialogProps<R> = {
  /** What the button says, and the dialog's submit button too unless `submit` is given. */
  label: string
  title: string
  submit?: string
  danger?: boolean
  /** The one thing to do here. */
  primary?: boolean
  /** Why the button cannot be used now; it stays reachable, to say so. */
  blocked?: string
  /** Whether the change is refused without a reason. */
  reasonRequired?: boolean
  /** False where nobody keeps a reason. */
  reason?: boolean
  /** Small enough for a row of a table. */
  compact?: boolean
  /** Whether the form can be sent. */
  ready?: boolean
  /** The paths of the fields that show their own errors. */
  fields?: readonly string[]
  apply: (reason: string) => Promise<R>
  onDone?: (result: R) => void
  onOpen?: () => void
  children: (errors: Record<string, string>) => ReactNode
}

export function FormDialog<R>({
  label,
  title,
  submit = label,
  danger,
  primary,
  blocked,
  reason: asksReason = true,
  reasonRequired,
  compact,
  ready = true,
  fields = [],
  apply,
  onDone,
  onOpen,
  children,
}: FormDialogProps<R>) {
  const t = useText()
  const [open, setOpen] = useState(false)
  const [reason, setReason] = useState('')
  const [proposed, setProposed] = useState(false)
  const mutation = useMutation({
    mutationFn: () => apply(reason),
    onSuccess: (result) => {
      setOpen(false)
      setReason('')
      onDone?.(result)
    },
  })
  const { fields: errors, form } = toFormErrors(mutation.error, fields)
  const send = (event: FormEvent) => {
    event.preventDefault()
    mutation.mutate()
  }
  return (
    <>
      <Tooltip
        label={blocked}
        disabled={!blocked}
        events={{ hover: true, focus: true, touch: true }}
        multiline
      >
        <Button
          size={compact ? 'compact-xs' : 'xs'}
          variant={primary && !blocked ? 'filled' : 'default'}
          aria-disabled={blocked ? true : undefined}
          data-disabled={blocked ? true : undefined}
          onClick={() => {
            if (blocked) return
            mutation.reset()
            setProposed(false)
            onOpen?.()
            setOpen(true)
          }}
        >
          {label}
        </Button>
      </Tooltip>
      <Modal
        opened={open}
        onClose={() => setOpen(false)}
        title={title}
        closeButtonProps={{ 'aria-label': t('action.close') }}
      >
        <form className="stack" onSubmit={send}>
          {children(errors)}
          {asksReason && (
            <TextInput
              label={t('review.reason')}
              value={reason}
              maxLength={500}
              required={reasonRequired}
              onChange={(event) => setReason(event.currentTarget.value)}
            />
          )}
          {form && !proposed && (
            <p className="text-failing" role="alert">
              {form}
            </p>
          )}
          <Propose error={mutation.error} reason={reason} onProposed={() => setProposed(true)} />
          <div className="row">
            {!proposed && (
              <Button
                type="submit"
                color={danger ? 'red' : undefined}
                disabled={!ready || (reasonRequired && !reason.trim())}
                loading={mutation.isPending}
              >
                {submit}
              </Button>
            )}
            <Button variant="default" onClick={() => setOpen(false)}>
              {t(proposed ? 'action.close' : 'action.cancel')}
            </Button>
          </div>
        </form>
      </Modal>
    </>
  )
}
