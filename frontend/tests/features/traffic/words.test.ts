import { beforeAll, describe, expect, it } from 'vitest'
import { ruleChanges } from '@/features/traffic/draft/changes'
import { newLimit, newRoute, RESILIENCE, type Rules, wholeRoute } from '@/features/traffic/draft/rules'
import { complete } from '@/features/traffic/draft/shape'
import { routeWords } from '@/features/traffic/draft/words'
import { addEnglish, t } from '@/text'
import { trafficEn } from '@/text/traffic.en'

beforeAll(() => addEnglish(trafficEn))

const said = (route: object) => routeWords(wholeRoute({ name: 'r', ...route }), t)

describe('a route in a sentence', () => {
  it.each([
    [{}, "Every request → the service's split"],
    [
      {
        match: {
          path: { kind: 'prefix', value: '/items/' },
          methods: ['GET'],
          headers: [{ name: 'x-tier', value: 'beta' }],
        },
        weights: { v1: 0, v2: 100 },
        timeouts: { request_ms: 2000 },
        retry: { attempts: 2 },
      },
      'GET /items/* with x-tier: beta → v2, 2 s, retried twice',
    ],
    [
      {
        match: {
          path: { kind: 'template', value: '/items/{id}' },
          query: [{ name: 'debug', kind: 'present' }],
          cookies: [{ name: 'beta', kind: 'regex', value: '[01]', invert: true }],
          sources: ['shop/web', 'tools/*'],
        },
        weights: { v1: 90, v2: 10 },
        sticky: { kind: 'cookie', name: 'seat' },
      },
      '/items/{id} with any ?debug, not cookie beta ~ [01] from shop/web, tools/* → v1 90 %, v2 10 %, sticky by cookie seat',
    ],
    [
      { redirect: { code: 301, scheme: 'https', host: 'shop.example' } },
      'Every request → redirected with 301 to https://shop.example',
    ],
    [
      {
        direct: { status: 503 },
        limits: [{ name: 'l', requests: 5, per_ms: 60_000, by: ['source'], scope: 'global' }],
      },
      'Every request → answered with 503, limited to 5 per min in all by source',
    ],
    [
      {
        mirror: { version: 'v2', percent: 10 },
        fault: { delay_ms: 250, delay_percent: 5, abort_status: 503, abort_percent: 1, header: 'x-chaos' },
        rewrite: { prefix: '/v2' },
        retry: { attempts: 0 },
      },
      "Every request → the service's split, never retried, rewritten to /v2/*, 10 % mirrored to v2, 5 % delayed by 250 ms, 1 % aborted with 503, only with x-chaos",
    ],
  ])('%#', (route, sentence) => {
    expect(said(route)).toBe(sentence)
  })
})

describe('a draft in sentences', () => {
  const before: Rules = {
    split: { v1: 100, v2: 0 },
    routes: ['a', 'b', 'c'].map((name) => newRoute(name)),
    resilience: complete(RESILIENCE, {}) as Rules['resilience'],
    limits: [newLimit('calls')],
  }
  const lines = (after: Partial<Rules>) =>
    ruleChanges(before, after, t).map(({ kind, text }) => `${kind}: ${text}`)

  it('says nothing of what is as it was', () => {
    expect(lines(structuredClone(before))).toEqual([])
  })

  it('names what moved, and only that', () => {
    const [a, b, c] = before.routes as [Rules['routes'][0], Rules['routes'][0], Rules['routes'][0]]
    expect(lines({ routes: [c, a, b] })).toEqual(['changed: Route c moves from 3 to 1'])
  })

  it('names what came, went and changed', () => {
    const b = { ...newRoute('b'), retry: { ...newRoute('b').retry, attempts: 2 } }
    const d = wholeRoute({
      name: 'd',
      match: { path: { kind: 'exact', value: '/d' } },
      direct: { status: 204 },
    })
    expect(lines({ routes: [d, newRoute('a'), b] })).toEqual([
      'added: Route d, at 1: /d → answered with 204',
      'changed: Route b, retries: retried once → retried twice',
      "removed: Route c: Every request → the service's split",
    ])
  })

  it('speaks of settings by their names', () => {
    const resilience = {
      ...before.resilience,
      connect_timeout_ms: 500,
      retry_budget: null,
      outlier: { ...before.resilience.outlier, consecutive_5xx: 3 },
    } as Rules['resilience']
    expect(lines({ resilience, split: { v1: 90, v2: 10 }, limits: [] })).toEqual([
      'changed: v1: 100 % → 90 %',
      'changed: v2: 0 % → 10 %',
      'changed: Connect timeout: 1 s → 500 ms',
      'changed: Retry budget: on → off',
      'changed: Outlier detection, 5xx in a row: 5 → 3',
      'removed: Limit calls',
    ])
  })
})
