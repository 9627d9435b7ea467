import { ActionIcon, Button, MultiSelect, SegmentedControl, Select, Tooltip } from '@mantine/core'
import {
  IconFocusCentered,
  IconMinus,
  IconPlayerPause,
  IconPlayerPlay,
  IconPlus,
  IconRefresh,
  IconX,
} from '@tabler/icons-react'
import { useText } from '@/ui/useText'
import type { CanvasHandle } from './GraphCanvas'
import { LABELS, type TopologyState, WINDOWS } from './options'

type ToolbarProps = {
  state: TopologyState
  set: (patch: Partial<TopologyState>) => void
  namespaces: string[]
}

/** What the graph shows: window, grain, labels, namespaces, and whether as a graph or a table. */
export function Toolbar({ state, set, namespaces }: ToolbarProps) {
  const t = useText()
  return (
    <div className="topology-toolbar" role="toolbar" aria-label={t('topology.toolbar')}>
      <SegmentedControl
        size="xs"
        aria-label={t('topology.window')}
        value={state.window}
        onChange={(window) => set({ window })}
        data={WINDOWS.map((value) => ({
          value,
          label: value.replace(/(\d+)(\w)/, '$1 $2').replace(' m', ' min'),
        }))}
      />
      <SegmentedControl
        size="xs"
        aria-label={t('topology.by')}
        value={state.by}
        onChange={(by) => set({ by, sel: '', focus: '' })}
        data={[
          { value: 'service', label: t('topology.by.service') },
          { value: 'version', label: t('topology.by.version') },
        ]}
      />
      <Select
        size="xs"
        w={116}
        aria-label={t('topology.label')}
        value={state.label}
        allowDeselect={false}
        onChange={(label) => set({ label: label ?? 'rate' })}
        data={LABELS.map((value) => ({
          value,
          label: value === 'rate' ? t('number.rate') : value === 'errors' ? t('number.errors') : value,
        }))}
      />
      <MultiSelect
        size="xs"
        className="namespace-filter"
        aria-label={t('topology.namespaces')}
        placeholder={state.ns ? undefined : t('topology.namespaces.all')}
        value={state.ns ? state.ns.split(',') : []}
        onChange={(chosen) => set({ ns: chosen.join(',') })}
        data={namespaces}
        clearable
      />
      {state.focus && (
        <Button
          size="xs"
          variant="light"
          rightSection={<IconX size={12} />}
          onClick={() => set({ focus: '', hops: '1' })}
          aria-label={t('topology.unfocus')}
        >
          {t('topology.focused', { id: state.focus, n: Number(state.hops) || 1 })}
        </Button>
      )}
      <SegmentedControl
        size="xs"
        className="topology-view"
        aria-label={t('topology.view')}
        value={state.view}
        onChange={(view) => set({ view })}
        data={[
          { value: 'graph', label: t('topology.view.graph') },
          { value: 'table', label: t('topology.view.table') },
        ]}
      />
    </div>
  )
}

type ViewButtonsProps = {
  canvas: CanvasHandle | null
  motion: boolean
  onMotion: (on: boolean) => void
  onReset: () => void
}

export function ViewButtons({ canvas, motion, onMotion, onReset }: ViewButtonsProps) {
  const t = useText()
  const buttons = [
    { label: t('topology.zoomIn'), icon: IconPlus, run: () => canvas?.zoomBy(1.25) },
    { label: t('topology.zoomOut'), icon: IconMinus, run: () => canvas?.zoomBy(0.8) },
    { label: t('topology.fit'), icon: IconFocusCentered, run: () => canvas?.fit() },
    { label: t('topology.reset'), icon: IconRefresh, run: onReset },
    {
      label: motion ? t('topology.pause') : t('topology.play'),
      icon: motion ? IconPlayerPause : IconPlayerPlay,
      run: () => onMotion(!motion),
    },
  ]
  return (
    <div className="view-buttons">
      {buttons.map(({ label, icon: Icon, run }) => (
        <Tooltip key={label} label={label} position="left">
          <ActionIcon variant="default" size={30} aria-label={label} onClick={run}>
            <Icon size={16} />
          </ActionIcon>
        </Tooltip>
      ))}
    </div>
  )
}
