import { expect, it } from 'vitest'
import { safeNext } from '@/features/session/LoginForm'
import { joinCommand } from '@/features/settings/JoinTokens'

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
