import { Modal } from '@mantine/core'
import type { ReactNode } from 'react'
import type { TextKey } from '@/text'
import { useText } from '@/ui/useText'
import { PAGES } from './pages'

/** What the graph's page does with keys. */
const GRAPH_KEYS = [
  ['keys.zoom', '+ − 0'],
  ['keys.graph.walk', '← ↑ → ↓'],
  ['keys.graph.find', '/'],
  ['keys.graph.next', 'n N'],
  ['keys.graph.focus', 'f F'],
  ['keys.graph.hops', '[ ]'],
  ['keys.graph.direction', 'd'],
  ['keys.graph.collapse', 'c ↵'],
  ['keys.graph.table', 't'],
  ['keys.graph.replay', 'r'],
  ['keys.graph.step', ', . Space'],
] as const satisfies [TextKey, string][]

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
    ...GRAPH_KEYS.map(([text, keys]): [string, ReactNode, string] => [
      text,
      <kbd key="k">{keys}</kbd>,
      t(text),
    ]),
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
