/** The token that a rule asks of a request: whose it is, and what it claims. */
import { Button } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { securityQueries } from '@/api/security'
import { FieldRow, TagsField, TextField } from '@/ui/fields'
import { keyOf, replaced, successor, without } from '@/ui/rows'
import { useText } from '@/ui/useText'
import type { ClaimDraft, TokenDraft } from './draft/policy'

type TokenFieldsProps = {
  path: string
  token: TokenDraft | null
  onChange: (token: TokenDraft | null) => void
}

export function TokenFields({ path, token, onChange }: TokenFieldsProps) {
  const t = useText()
  const providers = (useQuery(securityQueries.providers()).data ?? []).map(({ name }) => name)
  if (!token) {
    return (
      <div>
        <Button size="compact-xs" variant="subtle" onClick={() => onChange({ providers: [], claims: [] })}>
          {t('sec.token.add')}
        </Button>
      </div>
    )
  }
  const setClaims = (claims: ClaimDraft[]) => onChange({ ...token, claims })
  return (
    <>
      <FieldRow
        onRemove={() => onChange(null)}
        removeLabel={t('sec.rule.removeCondition', { condition: t('sec.token') })}
      >
        <TagsField
          path={`${path}.providers`}
          label={t('sec.token.providers')}
          hint={t('sec.token.providers.hint')}
          value={token.providers}
          onChange={(next) => onChange({ ...token, providers: next })}
          suggestions={providers}
          placeholder={providers[0]}
        />
      </FieldRow>
      {token.claims.map((claim, index) => {
        const set = (patch: Partial<ClaimDraft>) =>
          setClaims(replaced(token.claims, index, successor(claim, { ...claim, ...patch })))
        return (
          <FieldRow
            key={keyOf(claim)}
            onRemove={() => setClaims(without(token.claims, index))}
            removeLabel={t('sec.rule.removeCondition', { condition: claim.name || t('sec.token.claim') })}
          >
            <TextField
              path={`${path}.claims.${index}.name`}
              label={t('sec.token.claim')}
              value={claim.name}
              onChange={(name) => set({ name })}
              placeholder="role"
              width={168}
              mono
            />
            <TagsField
              path={`${path}.claims.${index}.values`}
              label={t('sec.rule.in')}
              hint={t('sec.token.any')}
              value={claim.values}
              onChange={(values) => set({ values })}
              placeholder="reader"
            />
          </FieldRow>
        )
      })}
      <div>
        <Button
          size="compact-xs"
          variant="subtle"
          onClick={() => setClaims([...token.claims, { name: '', values: [] }])}
        >
          {t('sec.token.addClaim')}
        </Button>
      </div>
    </>
  )
}
