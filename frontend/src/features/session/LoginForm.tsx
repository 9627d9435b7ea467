import './login.css'
import { Button, Divider, PasswordInput, TextInput } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { ApiError, toFormErrors } from '@/api/problem'
import { queries } from '@/api/queries'
import { useSession } from '@/api/session'
import { useText } from '@/ui/useText'
import { useUrlState } from '@/ui/useUrlState'

const DEFAULTS = { next: '/', error: '' }
/** Why a sign-in with the provider ended here. */
const REASONS = {
  refused: 'session.sso.refused',
  unavailable: 'session.sso.unavailable',
  inactive: 'session.sso.inactive',
  no_role: 'session.sso.noRole',
  name_taken: 'session.sso.nameTaken',
} as const

/** Only a path of this dashboard may follow a login. */
export function safeNext(next: string): string {
  return /^\/(?![/\\])/.test(next) && !next.startsWith('/login') ? next : '/'
}

export function LoginForm() {
  const t = useText()
  const navigate = useNavigate()
  const session = useSession()
  const [{ next, error }] = useUrlState(DEFAULTS)
  const provider = useQuery(queries.signInMethods()).data?.oidc
  const [username, setUsername] = useState('')
  const [password, setPassword] = useState('')
  const login = useMutation({
    mutationFn: () => session.login({ username, password }),
    onSuccess: () => navigate({ href: safeNext(next) }),
  })
  const { fields, form } = toFormErrors(login.error, ['username', 'password'])
  const reason = error && t(REASONS[error as keyof typeof REASONS] ?? 'session.sso.provider')
  const wait = login.error instanceof ApiError ? login.error.retryAfter : null

  const submit = (event: FormEvent) => {
    event.preventDefault()
    login.mutate()
  }
  return (
    <main className="login">
      <form className="panel login-form" onSubmit={submit}>
        <div className="login-brand">
          <img src={`${import.meta.env.BASE_URL}favicon.svg`} alt="" width="28" height="28" />
          <h1>{t('session.title')}</h1>
        </div>
        {(form || reason) && (
          <p className="login-error" role="alert">
            {form || reason} {wait ? t('session.wait', { seconds: wait }) : ''}
          </p>
        )}
        {provider && (
          <>
            <Button
              component="a"
              href={`/api/v1/auth/oidc/?${new URLSearchParams({ next: safeNext(next) })}`}
            >
              {t('session.sso', { provider })}
            </Button>
            <Divider label={t('session.or')} />
          </>
        )}
        <TextInput
          label={t('session.username')}
          value={username}
          onChange={(event) => setUsername(event.currentTarget.value)}
          error={fields.username}
          autoComplete="username"
          autoFocus
          required
          withAsterisk={false}
        />
        <PasswordInput
          label={t('session.password')}
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
          error={fields.password}
          autoComplete="current-password"
          required
          withAsterisk={false}
        />
        <Button type="submit" variant={provider ? 'default' : 'filled'} loading={login.isPending} fullWidth>
          {t('session.login')}
        </Button>
      </form>
    </main>
  )
}
