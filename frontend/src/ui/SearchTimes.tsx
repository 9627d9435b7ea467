import { Button, Select } from '@mantine/core'
import { IconRefresh } from '@tabler/icons-react'
import { Chip } from './Chip'
import { formatAbsolute } from './format'
import { isBetween, RANGES, type Range, rangeOf, type Times } from './timeRange'
import { useText } from './useText'

type SearchTimesProps = { times: Times; set: (patch: Partial<Times>) => void; onRefresh: () => void }

/** How far back a search goes, or the moments that a link or a drawn box named; and the same search again. */
export function SearchTimes({ times, set, onRefresh }: SearchTimesProps) {
  const t = useText()
  return (
    <>
      {isBetween(times) ? (
        <Chip
          label={t('range.between', { from: formatAbsolute(times.from), to: formatAbsolute(times.to) })}
          removeLabel={t('range.remove')}
          onRemove={() => set({ from: '', to: '' })}
        />
      ) : (
        <Select
          size="xs"
          w={144}
          aria-label={t('range.label')}
          value={rangeOf(times)}
          data={(Object.keys(RANGES) as Range[]).map((value) => ({ value, label: t(`range.${value}`) }))}
          allowDeselect={false}
          onChange={(range) => set({ range: range ?? '1h' })}
        />
      )}
      <Button
        size="xs"
        variant="default"
        leftSection={<IconRefresh size={14} aria-hidden="true" />}
        onClick={onRefresh}
      >
        {t('action.refresh')}
      </Button>
    </>
  )
}
