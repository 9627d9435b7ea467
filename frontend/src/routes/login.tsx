import { LoginForm } from '@/features/session/LoginForm'

export function LoginPage() {
  return <LoginForm />
}
