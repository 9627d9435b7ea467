import { Button, PasswordInput, Select, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { body, client } from '@/api/client'
import { toFormErrors } from '@/api/problem'
import { queries } from '@/api/queries'
import type { Role, RoleGrant, User } from '@/api/types'
import { type Column, DataTable } from '@/ui/DataTable'
import { Panel } from '@/ui/Panel'
import { ErrorState, Loaded } from '@/ui/States'
import { useText } from '@/ui/useText'
import { endSessionsOf } from './Sessions'

const ROLES: Role[] = ['viewer', 'operator', 'security', 'admin']
const EVERYWHERE = '*'

export function People() {
  const t = useText()
  const query = useQuery(queries.users())
  return (
    <>
      <CreatePerson />
      <Panel title={t('settings.people')} flush>
        <Loaded query={query} source={t('settings.people')}>
          {(users) => <PeopleTable users={users} />}
        </Loaded>
      </Panel>
    </>
  )
}

type GrantFieldsProps = { grant: RoleGrant; onChange: (grant: RoleGrant) => void }

function GrantFields({ grant, onChange }: GrantFieldsProps) {
  const t = useText()
  const namespaces = useQuery(queries.namespaces()).data
  return (
    <>
      <Select
        w={128}
        label={t('people.role')}
        value={grant.role}
        allowDeselect={false}
        data={ROLES.map((role) => ({ value: role, label: t(`role.${role}`) }))}
        onChange={(role) => onChange({ ...grant, role: (role ?? 'viewer') as Role })}
      />
      <Select
        w={160}
        label={t('people.where')}
        value={grant.namespace ?? EVERYWHERE}
        allowDeselect={false}
        data={[
          { value: EVERYWHERE, label: t('people.everywhere') },
          ...(namespaces ?? []).map(({ name }) => name),
        ]}
        onChange={(value) => onChange({ ...grant, namespace: value === EVERYWHERE ? null : value })}
      />
    </>
  )
}

const EMPTY = { username: '', email: '', password: '' }

function CreatePerson() {
  const t = useText()
  const cache = useQueryClient()
  const [person, setPerson] = useState(EMPTY)
  const [grant, setGrant] = useState<RoleGrant>({ role: 'viewer', namespace: null })
  const create = useMutation({
    mutationFn: () =>
      body(client.POST('/api/v1/users/', { body: { ...person, roles: [grant], reason: '' } })),
    onSuccess: () => {
      setPerson(EMPTY)
      cache.invalidateQueries({ queryKey: ['users'] })
    },
  })
  const { fields, form } = toFormErrors(create.error, ['username', 'email', 'password'])
  const submit = (event: FormEvent) => {
    event.preventDefault()
    create.mutate()
  }
  const text = (key: 'username' | 'email', label: string) => (
    <TextInput
      label={label}
      value={person[key]}
      error={fields[key]}
      required={key === 'username'}
      withAsterisk={false}
      type={key === 'email' ? 'email' : 'text'}
      autoComplete="off"
      onChange={(event) => setPerson({ ...person, [key]: event.currentTarget.value })}
    />
  )
  return (
    <Panel title={t('people.add')}>
      <form className="stack" onSubmit={submit}>
        <div className="form-row">
          {text('username', t('session.username'))}
          {text('email', t('people.email'))}
          <PasswordInput
            w={208}
            label={t('session.password')}
            value={person.password}
            error={fields.password}
            required
            withAsterisk={false}
            autoComplete="new-password"
            onChange={(event) => setPerson({ ...person, password: event.currentTarget.value })}
          />
          <GrantFields grant={grant} onChange={setGrant} />
          <Button type="submit" loading={create.isPending}>
            {t('people.add')}
          </Button>
        </div>
        {form && (
          <p className="text-failing" role="alert">
            {form}
          </p>
        )}
      </form>
    </Panel>
  )
}

function PeopleTable({ users }: { users: User[] }) {
  const t = useText()
  const cache = useQueryClient()
  const [editing, setEditing] = useState('')
  const refresh = () => cache.invalidateQueries({ queryKey: ['users'] })
  const remove = useMutation({
    mutationFn: (user: User) => writeUser(user.username, null),
    onSuccess: refresh,
  })
  const signOut = useMutation({ mutationFn: (user: User) => endSessionsOf(user.username) })
  const grantText = ({ role, namespace }: User['roles'][number]) =>
    `${t(`role.${role as Role}`)} ${namespace ? t('people.in', { namespace }) : t('people.everywhere').toLowerCase()}`
  const columns: Column<User>[] = [
    { key: 'username', header: t('session.username'), cell: (user) => user.username },
    { key: 'email', header: t('people.email'), cell: (user) => user.email },
    {
      key: 'password',
      header: t('people.signsIn'),
      cell: ({ has_password }) => t(has_password ? 'people.byPassword' : 'people.bySso'),
    },
    {
      key: 'roles',
      header: t('people.roles'),
      cell: (user) =>
        editing === user.username ? (
          <EditRoles
            user={user}
            onDone={() => {
              setEditing('')
              refresh()
            }}
          />
        ) : (
          user.roles.map(grantText).join(', ')
        ),
    },
    {
      key: 'actions',
      header: t('table.actions'),
      cell: (user) =>
        editing !== user.username && (
          <span className="row">
            <Button size="compact-xs" variant="default" onClick={() => setEditing(user.username)}>
              {t('people.edit')}
            </Button>
            <Button
              size="compact-xs"
              variant="default"
              aria-label={t('people.signOut.named', { name: user.username })}
              onClick={() =>
                window.confirm(t('people.signOut.sure', { name: user.username })) && signOut.mutate(user)
              }
            >
              {t('people.signOut')}
            </Button>
            <Button
              size="compact-xs"
              variant="default"
              aria-label={t('people.remove.named', { name: user.username })}
              onClick={() =>
                window.confirm(t('people.remove.sure', { name: user.username })) && remove.mutate(user)
              }
            >
              {t('people.remove')}
            </Button>
          </span>
        ),
    },
  ]
  return (
    <>
      {signOut.error && <ErrorState source={t('people.signOut')} error={signOut.error} />}
      {remove.error && <ErrorState source={t('people.remove')} error={remove.error} />}
      <DataTable
        label={t('settings.people')}
        columns={columns}
        rows={users}
        rowKey={(user) => user.username}
      />
    </>
  )
}

/** Read the person first: a write names the version it was made against. */
async function writeUser(username: string, change: { roles: RoleGrant[] } | null): Promise<void> {
  const path = { username }
  const { response } = await client.GET('/api/v1/users/{username}/', { params: { path } })
  const params = { path, header: { 'If-Match': response.headers.get('ETag') ?? '' } }
  if (change)
    await body(client.PATCH('/api/v1/users/{username}/', { params, body: { ...change, reason: '' } }))
  else await body(client.DELETE('/api/v1/users/{username}/', { params }))
}

function EditRoles({ user, onDone }: { user: User; onDone: () => void }) {
  const t = useText()
  const [grants, setGrants] = useState(user.roles as RoleGrant[])
  const save = useMutation({
    mutationFn: () => writeUser(user.username, { roles: grants }),
    onSuccess: onDone,
  })
  return (
    <div className="stack">
      {grants.map((grant, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a grant has no identity but its place
        <div key={index} className="form-row">
          <GrantFields
            grant={grant}
            onChange={(next) => setGrants(grants.map((each, at) => (at === index ? next : each)))}
          />
          <Button variant="default" onClick={() => setGrants(grants.filter((_, at) => at !== index))}>
            {t('people.role.remove')}
          </Button>
        </div>
      ))}
      {save.error && <ErrorState source={t('people.edit')} error={save.error} />}
      <div className="row">
        <Button size="xs" loading={save.isPending} onClick={() => save.mutate()}>
          {t('action.save')}
        </Button>
        <Button
          size="xs"
          variant="default"
          onClick={() => setGrants([...grants, { role: 'viewer', namespace: null }])}
        >
          {t('people.role.add')}
        </Button>
        <Button size="xs" variant="default" onClick={onDone}>
          {t('action.cancel')}
        </Button>
      </div>
    </div>
  )
}
