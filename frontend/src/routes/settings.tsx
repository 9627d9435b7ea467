import { SettingsView } from '@/features/settings/SettingsView'

export function SettingsPage() {
  return <SettingsView />
}
