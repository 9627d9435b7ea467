/**
 * Drafts of policies by the name of the policy, and of new ones under an empty name; each with the version that it
 * began from. They outlive the page that shows them and, in this tab, a reload.
 */
import { useSyncExternalStore } from 'react'
import type { PolicyDraft } from './policy'

/** `version` is empty for a policy that is not there yet. */
export type Draft = { version: string; value: PolicyDraft }
/** A change that was made from here to a policy, and whether it undid another. */
export type Applied = { name: string; revision: number; undo: boolean }

type State = { drafts: Readonly<Record<string, Draft>>; applied: Applied | null }

export const NEW = ''
const STORAGE_KEY = 'meshui.security.drafts'
const listeners = new Set<() => void>()
let state: State = { drafts: restored(), applied: null }

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

export function setDraft(name: string, draft: Draft): void {
  update({ ...state, drafts: { ...state.drafts, [name]: draft } })
}

export function discardDraft(name: string): void {
  const { [name]: _, ...others } = state.drafts
  update({ ...state, drafts: others })
}

export function setApplied(applied: Applied | null): void {
  update({ ...state, applied })
}

export function useDraft(name: string): Draft | undefined {
  return useSyncExternalStore(subscribe, () => state.drafts[name])
}

export function useDrafted(): readonly string[] {
  return Object.keys(useSyncExternalStore(subscribe, () => state.drafts))
}

/** The latest change made from here. */
export function useApplied(): Applied | null {
  return useSyncExternalStore(subscribe, () => state.applied)
}
