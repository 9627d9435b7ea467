/**
 * The texts of the dashboard in one catalogue per language. English is built in, others load when chosen.
 *
 * Placeholders: `{name}` is replaced; `{n|edge|edges}` picks the word for the number `n`.
 */

import type { authorityEn } from './authority.en'
import type { decisionsEn } from './decisions.en'
import { en } from './en'
import type { incidentsEn } from './incidents.en'
import type { logsEn } from './logs.en'
import type { proposalsEn } from './proposals.en'
import type { rolloutsEn } from './rollouts.en'
import type { securityEn } from './security.en'
import type { topologyEn } from './topology.en'
import type { tracesEn } from './traces.en'
import type { trafficEn } from './traffic.en'

export type TextKey =
  | keyof typeof en
  | keyof typeof authorityEn
  | keyof typeof incidentsEn
  | keyof typeof decisionsEn
  | keyof typeof logsEn
  | keyof typeof tracesEn
  | keyof typeof proposalsEn
  | keyof typeof rolloutsEn
  | keyof typeof securityEn
  | keyof typeof topologyEn
  | keyof typeof trafficEn
export type Catalogue = Record<TextKey, string>
export type TextParams = Record<string, string | number>
export type Translate = (key: TextKey, params?: TextParams) => string

export const LOCALES = { en: 'English', fr: 'Français' } as const
export type Locale = keyof typeof LOCALES

const STORAGE_KEY = 'meshui.locale'
const PLACEHOLDER = /\{(\w+)(?:\|([^|}]*)\|([^}]*))?\}/g

let locale: Locale = 'en'
const english = { ...en } as Catalogue
let catalogue = english
const listeners = new Set<() => void>()

export function fill(text: string, params: TextParams, language: Locale): string {
  return text.replace(PLACEHOLDER, (whole, name: string, one?: string, other?: string) => {
    const value = params[name]
    if (value === undefined) return whole
    if (one === undefined) return String(value)
    const isOne = new Intl.PluralRules(language).select(Number(value)) === 'one'
    return isOne ? one : (other ?? '')
  })
}

export const t: Translate = (key, params = {}) => fill(catalogue[key], params, locale)

/** English texts that come with their pages, so that the first load stays small. Call it when they are loaded. */
export function addEnglish(texts: Partial<Catalogue>): void {
  Object.assign(english, texts)
}

export function currentLocale(): Locale {
  return locale
}

export function onLocaleChange(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export async function setLocale(next: Locale): Promise<void> {
  catalogue = next === 'fr' ? (await import('./fr')).fr : english
  locale = next
  localStorage.setItem(STORAGE_KEY, next)
  document.documentElement.lang = next
  for (const listener of listeners) listener()
}

/** The language chosen before, else the browser's when we speak it. */
export function preferredLocale(): Locale {
  const stored = localStorage.getItem(STORAGE_KEY)
  const wanted = stored ?? navigator.language.slice(0, 2)
  return wanted in LOCALES ? (wanted as Locale) : 'en'
}
