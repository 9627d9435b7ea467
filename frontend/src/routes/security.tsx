import { SecurityView } from '@/features/security/SecurityView'

export function SecurityPage() {
  return <SecurityView />
}
