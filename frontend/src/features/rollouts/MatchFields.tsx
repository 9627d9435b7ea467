import { Select, TextInput } from '@mantine/core'
import type { RouteMatch } from '@/api/types'
import { useText } from '@/ui/useText'
import { matchText } from './stateText'
import { cookieMatch, headerMatch } from './steps'

type Where = 'header' | 'cookie'
type MatchFieldsProps = {
  n: number
  matches: RouteMatch[]
  error: string | undefined
  onChange: (matches: RouteMatch[]) => void
}

/** Whose requests go to the canary: by one header or cookie. Anything richer, from the API, is shown and kept. */
export function MatchFields({ n, matches, error, onChange }: MatchFieldsProps) {
  const t = useText()
  const simple = simpleOf(matches)
  const label = (what: string) => t('wizard.setting', { what, n })
  if (!simple) return <code>{matches.map(matchText).join(' | ') || t('wizard.who.nobody')}</code>
  const { where, name, value } = simple
  const change = (next: Partial<typeof simple>) => {
    const wanted = { ...simple, ...next }
    const match = wanted.where === 'header' ? headerMatch : cookieMatch
    onChange([match(wanted.name, wanted.value)])
  }
  return (
    <span className="match-fields">
      <Select
        size="xs"
        aria-label={label(t('wizard.match.where'))}
        value={where}
        allowDeselect={false}
        data={[
          { value: 'header', label: t('wizard.match.header') },
          { value: 'cookie', label: t('wizard.match.cookie') },
        ]}
        onChange={(next) => change({ where: (next ?? 'header') as Where })}
      />
      <TextInput
        size="xs"
        aria-label={label(t('wizard.match.name'))}
        value={name}
        error={error}
        onChange={(event) => change({ name: event.currentTarget.value })}
      />
      <span aria-hidden="true">=</span>
      <TextInput
        size="xs"
        aria-label={label(t('wizard.match.value'))}
        value={value}
        onChange={(event) => change({ value: event.currentTarget.value })}
      />
    </span>
  )
}

function simpleOf(matches: RouteMatch[]): { where: Where; name: string; value: string } | null {
  const [match, ...others] = matches
  if (!match || others.length || match.path || match.methods?.length || match.query?.length) return null
  if (match.sources?.length) return null
  const headers = match.headers ?? []
  const cookies = match.cookies ?? []
  if (headers.length + cookies.length !== 1) return null
  const field = headers[0] ?? cookies[0]
  if (!field || (field.kind ?? 'exact') !== 'exact' || field.invert) return null
  return { where: headers.length ? 'header' : 'cookie', name: field.name, value: field.value ?? '' }
}
