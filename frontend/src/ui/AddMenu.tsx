import './fields.css'
import { Button, Menu } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'

export type Addition = { label: string; onAdd: () => void }

/** A button that offers what can be added. */
export function AddMenu({
  label,
  additions,
  quiet,
}: {
  label: string
  additions: Addition[]
  quiet?: boolean
}) {
  return (
    <Menu position="bottom-start">
      <Menu.Target>
        <Button
          size={quiet ? 'compact-xs' : 'xs'}
          variant={quiet ? 'subtle' : 'default'}
          className={quiet ? 'add-menu' : undefined}
          leftSection={<IconPlus size={quiet ? 12 : 14} />}
          // The field that has the focus keeps it until the menu is open: leaving it may move this button away.
          onMouseDown={(event) => event.preventDefault()}
        >
          {label}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {additions.map((addition) => (
          <Menu.Item key={addition.label} onClick={addition.onAdd}>
            {addition.label}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  )
}
