import {
  createMemoryHistory,
  createRootRoute,
  createRoute,
  createRouter,
  RouterProvider,
} from '@tanstack/react-router'
import { render, screen } from '@testing-library/react'
import { afterEach, expect, it } from 'vitest'
import { Breadcrumb } from '@/app/shell/Breadcrumb'
import { setLocale } from '@/text'

afterEach(() => setLocale('en'))

async function at(path: string): Promise<string | null> {
  const root = createRootRoute({ component: Breadcrumb })
  const any = createRoute({ getParentRoute: () => root, path: '$', component: () => null })
  const history = createMemoryHistory({ initialEntries: [path] })
  render(<RouterProvider router={createRouter({ routeTree: root.addChildren([any]), history }) as never} />)
  return (await screen.findByRole('navigation')).textContent
}

it.each([
  ['/', 'en', 'Overview'],
  ['/traces', 'en', 'Traces'],
  ['/services/shop/catalog', 'en', 'Services/shop/catalog'],
  ['/services/shop/new', 'fr', 'Services/shop/new'],
  ['/routing/try', 'en', 'Routing/Try a request'],
  ['/routing/try', 'fr', 'Routage/Essayer une requête'],
  ['/rollouts/new', 'en', 'Rollouts/Start a rollout'],
  ['/rollouts/12', 'en', 'Rollouts/12'],
  ['/logs/taps/3', 'fr', 'Journaux/Écoutes / 3'],
  ['/security/policies/new', 'en', 'Security/New policy'],
  ['/security/policies/only%20frontend', 'en', 'Security/Policies / only frontend'],
] as const)('says where %s is, in %s', async (path, locale, said) => {
  await setLocale(locale)
  expect(await at(path)).toBe(said)
})
