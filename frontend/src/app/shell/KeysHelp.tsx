import { Modal } from '@mantine/core'
import type { ReactNode } from 'react'
import { useText } from '@/ui/useText'
import { PAGES } from './pages'

export function KeysHelp({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const t = useText()
  const rows: [string, ReactNode, string][] = [
    ['palette', <kbd key="k">Ctrl K</kbd>, t('keys.palette')],
    ['help', <kbd key="k">?</kbd>, t('keys.help')],
    ...PAGES.map(({ key, text }): [string, ReactNode, string] => [
      key,
      <span key="k">
        <kbd>g</kbd> <kbd>{key}</kbd>
      </span>,
      t(text),
    ]),
    ['zoom', <kbd key="k">+ − 0</kbd>, t('keys.zoom')],
    ['escape', <kbd key="k">Esc</kbd>, t('keys.escape')],
  ]
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={t('keys.title')}
      closeButtonProps={{ 'aria-label': t('action.close') }}
    >
      <table className="keys-table">
        <tbody>
          {rows.map(([id, keys, meaning]) => (
            <tr key={id}>
              <th scope="row">{keys}</th>
              <td>{meaning}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Modal>
  )
}
