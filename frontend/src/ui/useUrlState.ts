import { useNavigate, useSearch } from '@tanstack/react-router'
import { useCallback, useMemo } from 'react'

type Patch<K extends string> = Partial<Record<K, string>>

/** State that lives in the URL's query. A value equal to its default is left out of the address. */
export function useUrlState<K extends string>(
  defaults: Record<K, string>,
): [Record<K, string>, (patch: Patch<K>) => void] {
  const search = useSearch({ strict: false }) as Record<string, unknown>
  const navigate = useNavigate()
  const state = useMemo(() => {
    const given = { ...defaults }
    for (const key of Object.keys(defaults) as K[])
      if (search[key] !== undefined) given[key] = String(search[key])
    return given
  }, [search, defaults])
  const set = useCallback(
    (patch: Patch<K>) => {
      const next = (old: Record<string, unknown>) => {
        const merged: Record<string, unknown> = { ...old, ...patch }
        for (const [key, value] of Object.entries(merged)) {
          if (value === (defaults as Record<string, string>)[key] || value === '') delete merged[key]
        }
        return merged
      }
      navigate({ to: '.', search: next as never, replace: true })
    },
    [navigate, defaults],
  )
  return [state, set]
}
