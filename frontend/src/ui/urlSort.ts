import type { Sort } from './DataTable'

/** "rps" and "-rps" in the URL. */
export function parseSort(text: string): Sort {
  return text.startsWith('-') ? { key: text.slice(1), descending: true } : { key: text, descending: false }
}

export function sortText({ key, descending }: Sort): string {
  return descending ? `-${key}` : key
}
