import { expect, it } from 'vitest'
import { safeNext } from '@/features/session/LoginForm'
import { joinCommand } from '@/features/settings/JoinTokens'
import { matchText, moved, newRoute, wholeRoute } from '@/features/traffic/routeText'

it('writes a match in a line', () => {
  const header = { name: 'x-tier', kind: 'exact' as const, value: 'gold', invert: true }
  const match = {
    path: { kind: 'prefix' as const, value: '/api' },
    methods: ['GET', 'POST'],
    headers: [header],
    query: [{ name: 'q', kind: 'present' as const, value: '', invert: false }],
    cookies: [{ name: 'beta', kind: 'regex' as const, value: '[01]', invert: false }],
    sources: ['shop/web', 'tools/*'],
  }
  expect(matchText(match)).toBe(
    'GET|POST /api* !(x-tier = gold) (?q) (cookie beta ~ [01]) from shop/web|tools/*',
  )
})

it('moves a route without losing any', () => {
  expect(moved(['a', 'b', 'c'], 2, 0)).toEqual(['c', 'a', 'b'])
})

it('a route without a match takes everything', () => {
  expect(wholeRoute({ name: 'r' })).toEqual({
    ...newRoute('r'),
    match: { path: null, methods: [], headers: [], query: [], cookies: [], sources: [] },
  })
})

it('follows a login only to a page of this dashboard', () => {
  expect(safeNext('/services/shop/catalog?tab=split')).toBe('/services/shop/catalog?tab=split')
  for (const evil of [
    'https://evil.example',
    '//evil.example',
    '/\\evil.example',
    'javascript:alert(1)',
    '/login',
  ])
    expect(safeNext(evil)).toBe('/')
})

it('writes the command that starts a sidecar with its token', () => {
  const command = joinCommand('mjt_x', 'shop/catalog', 'v2')
  expect(command).toContain('mjt_x python -m proxies run')
  expect(command).toContain('--name catalog-v2 --state ./catalog-v2')
})
