import { useParams } from '@tanstack/react-router'
import { NewPolicyPage, PolicyPage } from '@/features/security/PolicyPage'

export function PolicyRoute() {
  const { name = '' } = useParams({ strict: false })
  return <PolicyPage key={name} name={name} />
}

export function NewPolicyRoute() {
  return <NewPolicyPage />
}
