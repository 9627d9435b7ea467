/** A token provider, made or changed. */
import {
  Checkbox,
  MultiSelect,
  NumberInput,
  SegmentedControl,
  TagsInput,
  Textarea,
  TextInput,
} from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { SECURITY, writeProvider } from '@/api/security'
import type { JwtAlgorithm, JwtProvider } from '@/api/types'
import { FormDialog } from '@/ui/FormDialog'
import { useText } from '@/ui/useText'
import { ALGORITHMS, newProvider, type ProviderDraft, providerDraft, providerOf } from './draft/provider'

const FIELDS = ['name', 'namespace', 'issuer', 'jwks', 'jwks_url', 'algorithms', 'headers', 'claim_headers']

type ProviderDialogProps = { standing: JwtProvider | null; blocked?: string }

export function ProviderDialog({ standing, blocked }: ProviderDialogProps) {
  const t = useText()
  const cache = useQueryClient()
  const begin = () => (standing ? providerDraft(standing) : newProvider())
  const [draft, setDraft] = useState<ProviderDraft>(begin)
  const value = providerOf(draft)
  const isWhole = Boolean(draft.name && draft.issuer && draft.algorithms.length && value)
  return (
    <FormDialog
      label={standing ? t('action.edit') : t('sec.provider.create')}
      title={standing ? t('sec.provider.edit', { name: standing.name }) : t('sec.provider.create')}
      submit={standing ? t('action.save') : t('sec.provider.create')}
      compact={standing !== null}
      blocked={blocked}
      ready={isWhole && (draft.given || Boolean(draft.jwks_url))}
      fields={FIELDS}
      onOpen={() => setDraft(begin())}
      apply={(reason) => writeProvider(value as NonNullable<typeof value>, standing?.version ?? '', reason)}
      onDone={() => cache.invalidateQueries({ queryKey: [SECURITY] })}
    >
      {(errors) => (
        <ProviderFields draft={draft} onChange={setDraft} errors={errors} isNew={standing === null} />
      )}
    </FormDialog>
  )
}

type FieldsProps = {
  draft: ProviderDraft
  onChange: (draft: ProviderDraft) => void
  errors: Record<string, string>
  isNew: boolean
}

function ProviderFields({ draft, onChange, errors, isNew }: FieldsProps) {
  const t = useText()
  const patch = (change: Partial<ProviderDraft>) => onChange({ ...draft, ...change })
  return (
    <>
      {isNew && (
        <>
          <TextInput
            label={t('sec.policy.name')}
            description={t('sec.policy.name.hint')}
            placeholder="corp"
            value={draft.name}
            error={errors.name}
            required
            onChange={(event) => patch({ name: event.currentTarget.value })}
          />
          <TextInput
            label={t('sec.provider.namespace')}
            description={t('sec.provider.namespace.hint')}
            value={draft.namespace}
            error={errors.namespace}
            onChange={(event) => patch({ namespace: event.currentTarget.value })}
          />
        </>
      )}
      <TextInput
        label={t('sec.provider.issuer')}
        description={t('sec.provider.issuer.hint')}
        placeholder="https://id.example.com"
        value={draft.issuer}
        error={errors.issuer}
        required
        onChange={(event) => patch({ issuer: event.currentTarget.value })}
      />
      <TagsInput
        label={t('sec.provider.audiences')}
        description={t('sec.provider.audiences.hint')}
        value={draft.audiences}
        acceptValueOnBlur
        onChange={(audiences) => patch({ audiences })}
      />
      <MultiSelect
        label={t('sec.provider.algorithms')}
        description={t('sec.provider.algorithms.hint')}
        value={draft.algorithms}
        data={[...ALGORITHMS]}
        error={errors.algorithms}
        required
        onChange={(algorithms) => patch({ algorithms: algorithms as JwtAlgorithm[] })}
      />
      <SegmentedControl
        size="xs"
        aria-label={t('sec.provider.keys')}
        value={draft.given ? 'given' : 'fetched'}
        data={[
          { value: 'fetched', label: t('sec.provider.keys.fetched') },
          { value: 'given', label: t('sec.provider.keys.given') },
        ]}
        onChange={(next) => patch({ given: next === 'given' })}
      />
      {draft.given ? (
        <Textarea
          label="JWKS"
          description={t('sec.provider.jwks.hint')}
          value={draft.jwks}
          error={errors.jwks}
          rows={5}
          classNames={{ input: 'mono' }}
          spellCheck={false}
          onChange={(event) => patch({ jwks: event.currentTarget.value })}
        />
      ) : (
        <>
          <TextInput
            label={t('sec.provider.url')}
            description={t('sec.provider.url.hint')}
            placeholder="https://id.example.com/.well-known/jwks.json"
            value={draft.jwks_url}
            error={errors.jwks_url}
            onChange={(event) => patch({ jwks_url: event.currentTarget.value })}
          />
          <NumberInput
            label={t('sec.provider.refresh')}
            value={draft.refresh_s}
            min={30}
            max={86_400}
            onChange={(next) => patch({ refresh_s: Number(next) || 300 })}
          />
        </>
      )}
      <Places draft={draft} patch={patch} errors={errors} />
      <NumberInput
        label={t('sec.provider.skew')}
        value={draft.clock_skew_s}
        min={0}
        max={600}
        onChange={(next) => patch({ clock_skew_s: Number(next) || 0 })}
      />
      <TextInput
        label={t('sec.policy.description')}
        value={draft.description}
        maxLength={500}
        onChange={(event) => patch({ description: event.currentTarget.value })}
      />
    </>
  )
}

type PlacesProps = Pick<FieldsProps, 'draft' | 'errors'> & { patch: (change: Partial<ProviderDraft>) => void }

/** Where a token is, and what the app gets of it. */
function Places({ draft, patch, errors }: PlacesProps) {
  const t = useText()
  return (
    <>
      <TagsInput
        label={t('sec.provider.headers')}
        description={t('sec.provider.headers.hint')}
        value={draft.headers}
        error={errors.headers}
        acceptValueOnBlur
        onChange={(headers) => patch({ headers })}
      />
      <TagsInput
        label={t('sec.provider.cookies')}
        value={draft.cookies}
        acceptValueOnBlur
        onChange={(cookies) => patch({ cookies })}
      />
      <TagsInput
        label={t('sec.provider.query')}
        description={t('sec.provider.query.hint')}
        value={draft.query}
        acceptValueOnBlur
        onChange={(query) => patch({ query })}
      />
      <Checkbox
        label={t('sec.provider.forward')}
        checked={draft.forward}
        onChange={(event) => patch({ forward: event.currentTarget.checked })}
      />
      <Textarea
        label={t('sec.provider.claims')}
        description={t('sec.provider.claims.hint')}
        placeholder="x-user: sub"
        value={draft.claims}
        error={errors.claim_headers}
        rows={2}
        classNames={{ input: 'mono' }}
        spellCheck={false}
        onChange={(event) => patch({ claims: event.currentTarget.value })}
      />
    </>
  )
}
