import { ActionIcon, CopyButton, Tooltip } from '@mantine/core'
import { IconCheck, IconCopy } from '@tabler/icons-react'
import { useText } from './useText'

/** An identifier or command in monospace that can be copied. */
export function CopyText({ value, block }: { value: string; block?: boolean }) {
  return (
    <span className={block ? 'copy-text copy-block' : 'copy-text'}>
      <code>{value}</code>
      <CopyAction value={value} />
    </span>
  )
}

/** Copies a text that is shown elsewhere. */
export function CopyAction({ value }: { value: string }) {
  const t = useText()
  return (
    <CopyButton value={value}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? t('action.copied') : t('action.copy')}>
          <ActionIcon size="sm" variant="subtle" color="gray" onClick={copy} aria-label={t('action.copy')}>
            {copied ? <IconCheck size={14} /> : <IconCopy size={14} />}
          </ActionIcon>
        </Tooltip>
      )}
    </CopyButton>
  )
}
