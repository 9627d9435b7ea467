import { useSyncExternalStore } from 'react'
import { currentLocale, onLocaleChange, type Translate, t } from '@/text'

/** The translate function; the component renders again when the language changes. */
export function useText(): Translate {
  useSyncExternalStore(onLocaleChange, currentLocale)
  return t
}
