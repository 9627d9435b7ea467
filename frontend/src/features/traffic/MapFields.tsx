import { Button, TextInput } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { useState } from 'react'
import { faultUnder, RemoveButton, useFaults } from '@/ui/fields'
import { freshName } from '@/ui/rows'
import { useText } from '@/ui/useText'
import type { Slot } from './fields'

type Row = { key: number; name: string; value: string }
type MapFieldsProps = Slot<Record<string, string>> & { title: string; addLabel: string }

const asMap = (rows: readonly Row[]) => Object.fromEntries(rows.map(({ name, value }) => [name, value]))
const asRows = (map: Record<string, string>): Row[] =>
  Object.entries(map).map(([name, value], key) => ({ key, name, value }))
const sameMap = (a: Record<string, string>, b: Record<string, string>) =>
  JSON.stringify(a) === JSON.stringify(b)

/** Names and values, as rows that keep their place while a name is being typed, even when two are equal for a while. */
export function MapFields({ path, value, onChange, title, addLabel }: MapFieldsProps) {
  const t = useText()
  const faults = useFaults()
  const [rows, setRows] = useState(() => asRows(value))
  const shown = sameMap(asMap(rows), value) ? rows : asRows(value)
  const update = (next: Row[]) => {
    setRows(next)
    onChange(asMap(next))
  }
  const change = (key: number, patch: Partial<Row>) =>
    update(shown.map((row) => (row.key === key ? { ...row, ...patch } : row)))
  const add = () => {
    const key = Math.max(-1, ...shown.map((row) => row.key)) + 1
    const name = freshName(
      'x-name',
      shown.map((row) => row.name),
    )
    update([...shown, { key, name, value: '' }])
  }
  return (
    <div className="map-fields">
      {shown.map((row) => (
        <div key={row.key} className="map-row">
          <span className="map-kind">{title}</span>
          <TextInput
            size="xs"
            aria-label={t('map.name', { what: title })}
            value={row.name}
            classNames={{ input: 'mono' }}
            spellCheck={false}
            error={faultUnder(faults, `${path}.${row.name}`)}
            onChange={(event) => change(row.key, { name: event.currentTarget.value.toLowerCase() })}
          />
          <TextInput
            size="xs"
            aria-label={t('map.value', { name: row.name })}
            value={row.value}
            classNames={{ input: 'mono' }}
            spellCheck={false}
            onChange={(event) => change(row.key, { value: event.currentTarget.value })}
          />
          <RemoveButton
            label={t('map.remove', { name: row.name })}
            onClick={() => update(shown.filter(({ key }) => key !== row.key))}
          />
        </div>
      ))}
      <div>
        <Button size="compact-xs" variant="subtle" leftSection={<IconPlus size={12} />} onClick={add}>
          {addLabel}
        </Button>
      </div>
    </div>
  )
}
