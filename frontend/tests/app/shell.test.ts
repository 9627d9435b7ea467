import { describe, expect, it } from 'vitest'
import { allows } from '@/api/session'
import { liveness } from '@/app/shell/LiveState'
import { syncState } from '@/app/shell/MeshSync'

describe('the live state', () => {
  it('is live with a fresh frame', () => {
    expect(liveness('open', 1.2, 0.1)).toEqual({ state: 'live', ageS: 1.2 })
  })
  it('says how old stale data is, also on an open connection', () => {
    expect(liveness('open', 12, 0.1)).toEqual({ state: 'stale', ageS: 12 })
  })
  it('is stale from the last word when the connection is lost', () => {
    expect(liveness('waiting', null, 12)).toEqual({ state: 'stale', ageS: 12 })
  })
  it('connects first', () => {
    expect(liveness('connecting', null, null)).toEqual({ state: 'connecting', ageS: null })
  })
})

it('shows the worst of the proxies', () => {
  expect(syncState({ proxies: 3, synced: 2, refused: 1, offline: 0 })).toBe('refused')
  expect(syncState({ proxies: 3, synced: 2, refused: 0, offline: 0 })).toBe('syncing')
  expect(syncState({ proxies: 3, synced: 2, refused: 0, offline: 1 })).toBe('synced')
})

it('grants permissions mesh-wide or in a namespace', () => {
  const ana = {
    username: 'ana',
    email: '',
    is_superuser: false,
    roles: [],
    csrf: '',
    permissions: { '*': ['view'], shop: ['traffic.write'] },
  }
  expect(allows(ana, 'view', 'platform')).toBe(true)
  expect(allows(ana, 'traffic.write', 'shop')).toBe(true)
  expect(allows(ana, 'traffic.write', 'platform')).toBe(false)
  expect(allows(undefined, 'view')).toBe(false)
})
