/**
 * Drafts of traffic rules, by service: only the parts that somebody began to change, each with the version it began
 * from. They outlive the page that shows them and, in this tab, a reload.
 */
import { useSyncExternalStore } from 'react'
import type { Part, Rules } from './rules'

export type Draft = { [P in Part]?: { etag: string; value: Rules[P] } }
/** A change that was applied from here, and what undid it. */
export type Applied = { revision: number; undoes?: number }

type State = { drafts: Readonly<Record<string, Draft>>; applied: Readonly<Record<string, Applied[]>> }

const STORAGE_KEY = 'meshui.traffic.drafts'
const NO_DRAFT: Draft = {}
const NONE_APPLIED: Applied[] = []
const listeners = new Set<() => void>()
let state: State = { drafts: restored(), applied: {} }

function restored(): State['drafts'] {
  try {
    return JSON.parse(sessionStorage.getItem(STORAGE_KEY) ?? '{}')
  } catch {
    return {}
  }
}

function update(next: State): void {
  state = next
  sessionStorage.setItem(STORAGE_KEY, JSON.stringify(state.drafts))
  for (const listener of listeners) listener()
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export function setDraft(service: string, draft: Draft): void {
  const { [service]: _, ...others } = state.drafts
  update({ ...state, drafts: Object.keys(draft).length ? { ...others, [service]: draft } : others })
}

export function draftOf(service: string): Draft {
  return state.drafts[service] ?? NO_DRAFT
}

export function setApplied(service: string, applied: Applied[]): void {
  update({ ...state, applied: { ...state.applied, [service]: applied } })
}

export function useDraftOf(service: string): Draft {
  return useSyncExternalStore(subscribe, () => draftOf(service))
}

/** The services with a draft. */
export function useDrafted(): readonly string[] {
  return Object.keys(useSyncExternalStore(subscribe, () => state.drafts))
}

export function useApplied(service: string): Applied[] {
  return useSyncExternalStore(subscribe, () => state.applied[service] ?? NONE_APPLIED)
}
