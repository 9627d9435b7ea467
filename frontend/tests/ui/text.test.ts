import { describe, expect, it } from 'vitest'
import { fill } from '@/text'
import { authorityEn } from '@/text/authority.en'
import { decisionsEn } from '@/text/decisions.en'
import { en } from '@/text/en'
import { fr } from '@/text/fr'
import { incidentsEn } from '@/text/incidents.en'
import { logsEn } from '@/text/logs.en'
import { proposalsEn } from '@/text/proposals.en'
import { rolloutsEn } from '@/text/rollouts.en'
import { securityEn } from '@/text/security.en'
import { topologyEn } from '@/text/topology.en'
import { tracesEn } from '@/text/traces.en'
import { trafficEn } from '@/text/traffic.en'

const english: Record<string, string> = {
  ...en,
  ...authorityEn,
  ...incidentsEn,
  ...decisionsEn,
  ...logsEn,
  ...tracesEn,
  ...proposalsEn,
  ...rolloutsEn,
  ...securityEn,
  ...topologyEn,
  ...trafficEn,
}

const placeholders = (text: string) =>
  [...new Set([...text.matchAll(/\{(\w+)/g)].map(([, name]) => name))].sort()

describe('the catalogue', () => {
  it('picks the word for the number', () => {
    const text = '{n} {n|edge|edges}'
    expect([0, 1, 2].map((n) => fill(text, { n }, 'en'))).toEqual(['0 edges', '1 edge', '2 edges'])
    expect([0, 1, 2].map((n) => fill(text, { n }, 'fr'))).toEqual(['0 edge', '1 edge', '2 edges'])
  })

  it('has in French no placeholder that English lacks', () => {
    for (const [key, text] of Object.entries(fr)) {
      const known = placeholders(english[key] ?? '')
      expect(known, key).toEqual(expect.arrayContaining(placeholders(text)))
    }
  })
})
