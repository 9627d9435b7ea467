/** What the graph is narrowed to: the focus, how many hops around it, and whom to follow. */
import { ActionIcon, SegmentedControl } from '@mantine/core'
import { IconMinus, IconPlus, IconX } from '@tabler/icons-react'
import { DIRECTIONS, type Focus } from '@/graph/compose'
import { useText } from '@/ui/useText'
import { MOST_HOPS, type SetState } from './options'

type FocusControlProps = { focus: Focus; known: boolean; set: SetState }

export function FocusControl({ focus, known, set }: FocusControlProps) {
  const t = useText()
  const { id, hops, direction } = focus
  return (
    <fieldset className="focus-control" aria-label={t('topology.focus.on', { id })}>
      <span className="focus-name" title={id}>
        {id}
      </span>
      <ActionIcon
        size={24}
        variant="default"
        aria-label={t('topology.focus.fewer')}
        disabled={hops <= 1}
        onClick={() => set({ hops: String(hops - 1) })}
      >
        <IconMinus size={12} />
      </ActionIcon>
      <span className="focus-hops" aria-live="polite">
        {t('topology.focus.hopCount', { n: hops })}
      </span>
      <ActionIcon
        size={24}
        variant="default"
        aria-label={t('topology.focus.more')}
        disabled={hops >= MOST_HOPS}
        onClick={() => set({ hops: String(hops + 1) })}
      >
        <IconPlus size={12} />
      </ActionIcon>
      <SegmentedControl
        size="xs"
        aria-label={t('topology.focus.direction')}
        value={direction}
        onChange={(dir) => set({ dir })}
        data={DIRECTIONS.map((value) => ({ value, label: t(`topology.focus.${value}`) }))}
      />
      <ActionIcon
        size={24}
        variant="subtle"
        aria-label={t('topology.unfocus')}
        onClick={() => set({ focus: '', hops: '1', dir: 'both' })}
      >
        <IconX size={14} />
      </ActionIcon>
      {!known && <span className="focus-gone">{t('topology.focus.gone', { id })}</span>}
    </fieldset>
  )
}
