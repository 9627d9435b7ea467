/** Who is signed in and what they may do. */
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { body, client, csrfToken } from './client'
import { live } from './live'
import { queries } from './queries'
import type { Me, Permission } from './types'

export function useMe() {
  return useQuery({ ...queries.me(), staleTime: 60_000 })
}

/** Whether a person holds a permission, mesh-wide or in one namespace. */
export function allows(me: Me | undefined, permission: Permission, namespace?: string): boolean {
  if (!me) return false
  if (me.is_superuser || me.permissions['*']?.includes(permission)) return true
  return namespace !== undefined && Boolean(me.permissions[namespace]?.includes(permission))
}

/** Whether a person holds a permission mesh-wide or in any namespace. */
export function allowsAnywhere(me: Me | undefined, permission: Permission): boolean {
  if (!me) return false
  return me.is_superuser || Object.values(me.permissions).some((held) => held.includes(permission))
}

export function useMay(permission: Permission, namespace?: string): boolean {
  return allows(useMe().data, permission, namespace)
}

export function useSession() {
  const cache = useQueryClient()
  return {
    login: async (credentials: { username: string; password: string }) => {
      // Whoever opened this page first has no token yet.
      if (!csrfToken()) await client.GET('/api/v1/auth/me/')
      const me = await body(client.POST('/api/v1/auth/login/', { body: credentials }))
      cache.setQueryData(queries.me().queryKey, me)
      live.restart()
    },
    logout: async () => {
      await body(client.POST('/api/v1/auth/logout/'))
      // A full load leaves nothing of the session in memory.
      window.location.assign('/login')
    },
  }
}
