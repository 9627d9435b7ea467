import { Button, Menu, MultiSelect, SegmentedControl, Select } from '@mantine/core'
import {
  IconBoxMultiple,
  IconBraces,
  IconDownload,
  IconFilter,
  IconGraph,
  IconHistory,
  IconLink,
  IconPhoto,
  IconSourceCode,
  IconStack2,
} from '@tabler/icons-react'
import { memo } from 'react'
import { ALL_CLOSED, ALL_OPEN } from '@/graph/collapse'
import type { FileKind } from '@/graph/export/files'
import { useText } from '@/ui/useText'
import { FocusControl } from './FocusControl'
import {
  boxesPatch,
  focusOf,
  GRAINS,
  type Grain,
  graphParams,
  LABELS,
  type LabelChoice,
  namesIn,
  type SetState,
  type TopologyState,
  WINDOWS,
} from './options'

type ToolbarProps = {
  state: TopologyState
  set: SetState
  namespaces: string[]
  focusKnown: boolean
  replaying: boolean
  /** On a phone, what narrows the graph is shown on demand. */
  isOpen: boolean
  onOpen: (open: boolean) => void
  onReplay: () => void
  onExport: (kind: FileKind) => void
  onShare: () => void
}

/** What the graph shows: window, grain, labels, namespaces, focus, and whether as a graph or a table. */
export const Toolbar = memo(function Toolbar({
  state,
  set,
  namespaces,
  focusKnown,
  replaying,
  onReplay,
  isOpen,
  onOpen,
  ...actions
}: ToolbarProps) {
  const t = useText()
  const focus = focusOf(state)
  const { window, by } = graphParams(state)
  const nameOfLabel = (label: LabelChoice) => {
    if (label === 'throughput') return t('topology.label.throughput')
    return label === 'rate' ? t('number.rate') : label === 'errors' ? t('number.errors') : label
  }
  return (
    <div className="topology-toolbar" role="toolbar" aria-label={t('topology.toolbar')}>
      <div className="topology-options" data-open={isOpen || undefined}>
        <SegmentedControl
          size="xs"
          aria-label={t('topology.window')}
          value={window}
          onChange={(chosen) => set({ window: chosen })}
          data={WINDOWS.map((value) => ({ value, label: windowLabel(value) }))}
        />
        <SegmentedControl
          size="xs"
          aria-label={t('topology.by')}
          value={by}
          onChange={(chosen) => set({ by: chosen, sel: '' })}
          data={GRAINS.map((value: Grain) => ({ value, label: t(`topology.by.${value}`) }))}
        />
        <Select
          size="xs"
          w={116}
          aria-label={t('topology.label')}
          value={state.label}
          allowDeselect={false}
          onChange={(label) => set({ label: label ?? 'rate' })}
          data={LABELS.map((value) => ({ value, label: nameOfLabel(value) }))}
        />
        <MultiSelect
          size="xs"
          className="namespace-filter"
          aria-label={t('topology.namespaces')}
          placeholder={state.ns ? undefined : t('topology.namespaces.all')}
          value={namesIn(state.ns)}
          onChange={(chosen) => set({ ns: chosen.join(',') })}
          data={namespaces}
          clearable
        />
      </div>
      {focus && <FocusControl focus={focus} known={focusKnown} set={set} />}
      <div className="topology-actions">
        <Button
          className="topology-filters"
          size="xs"
          variant="default"
          aria-expanded={isOpen}
          leftSection={<IconFilter size={14} />}
          onClick={() => onOpen(!isOpen)}
        >
          {t('topology.filters')}
        </Button>
        {!replaying && (
          <Button
            size="xs"
            variant="default"
            leftSection={<IconHistory size={14} />}
            onClick={onReplay}
            title={t('topology.replay.open')}
          >
            {t('topology.replay')}
          </Button>
        )}
        <MoreMenu set={set} {...actions} />
        <SegmentedControl
          size="xs"
          aria-label={t('topology.view')}
          value={state.view}
          onChange={(view) => set({ view })}
          data={[
            { value: 'graph', label: t('topology.view.graph') },
            { value: 'table', label: t('topology.view.table') },
          ]}
        />
      </div>
    </div>
  )
})

export function windowLabel(window: string): string {
  return window.replace(/(\d+)(\w)/, '$1 $2').replace(' m', ' min')
}

const EXPORTS: [kind: FileKind, icon: typeof IconPhoto][] = [
  ['png', IconPhoto],
  ['svg', IconGraph],
  ['json', IconBraces],
  ['dot', IconSourceCode],
]

type MoreMenuProps = Pick<ToolbarProps, 'set' | 'onExport' | 'onShare'>

function MoreMenu({ set, onExport, onShare }: MoreMenuProps) {
  const t = useText()
  return (
    <Menu position="bottom-end" transitionProps={{ duration: 0 }} width={240}>
      <Menu.Target>
        <Button size="xs" variant="default" leftSection={<IconDownload size={14} />}>
          {t('topology.export')}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{t('topology.export')}</Menu.Label>
        {EXPORTS.map(([kind, Icon]) => (
          <Menu.Item key={kind} leftSection={<Icon size={14} />} onClick={() => onExport(kind)}>
            {t(`topology.export.${kind}`)}
          </Menu.Item>
        ))}
        <Menu.Item leftSection={<IconLink size={14} />} onClick={onShare}>
          {t('topology.share')}
        </Menu.Item>
        <Menu.Label>{t('topology.boxes')}</Menu.Label>
        <Menu.Item leftSection={<IconStack2 size={14} />} onClick={() => set(boxesPatch(ALL_CLOSED))}>
          {t('topology.boxes.closeAll')}
        </Menu.Item>
        <Menu.Item leftSection={<IconBoxMultiple size={14} />} onClick={() => set(boxesPatch(ALL_OPEN))}>
          {t('topology.boxes.openAll')}
        </Menu.Item>
        <Menu.Item onClick={() => set({ open: '', closed: '' })}>{t('topology.boxes.auto')}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
