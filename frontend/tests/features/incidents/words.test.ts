import { afterEach, describe, expect, it } from 'vitest'
import type { Alert } from '@/api/types'
import { RULES, ruleWords, titleWords } from '@/features/alerts/parts'
import { setLocale, t } from '@/text'

const OBJECTS: Partial<Record<(typeof RULES)[number], string>> = {
  edge_failing: 'edge:shop/cart->shop/catalog',
  objective_burn: 'objective:shop/catalog:latency',
  authority_ending: 'authority:root',
  keys_unfetched: 'provider:acme',
}

const words = (rule: string, object: string) =>
  titleWords({ rule, object, service: 'shop/catalog', title: 'as the server says it' } as Alert, t)

afterEach(() => setLocale('en'))

describe.each(['en', 'fr'] as const)('in %s', (locale) => {
  it.each(RULES)('%s has a name and a title of its own', async (rule) => {
    await setLocale(locale)
    expect(ruleWords(rule, t)).not.toContain(rule)
    const title = words(rule, OBJECTS[rule] ?? 'proxy:px-a')
    expect(title).not.toMatch(/as the server|alerts\.|[{}]/)
  })
})

it('names the provider whose keys are not to be had, and leaves what it does not know to the server', () => {
  expect(words('keys_unfetched', 'provider:acme')).toBe('The keys of token provider acme cannot be fetched')
  expect(words('of_a_newer_release', 'x:y')).toBe('as the server says it')
})
