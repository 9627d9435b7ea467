/** Whom an external policy asks, what it tells, and what an answer means. */
import { NumberInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { queries } from '@/api/queries'
import type { PolicyCheck } from '@/api/types'
import { ChoiceField, FIELD_ORDER, faultUnder, TagsField, TextField, useFaults } from '@/ui/fields'
import { useText } from '@/ui/useText'

const ON_ERROR = ['deny', 'allow'] as const

export function CheckFields({
  check,
  onChange,
}: {
  check: PolicyCheck
  onChange: (check: PolicyCheck) => void
}) {
  const t = useText()
  const services = (useQuery(queries.services()).data ?? []).map(({ id }) => id)
  const timeoutFault = faultUnder(useFaults(), 'check.timeout_ms')
  const patch = (change: Partial<PolicyCheck>) => onChange({ ...check, ...change })
  const lower = (names: string[]) => names.map((name) => name.toLowerCase())
  return (
    <section className="sec-part" aria-label={t('sec.check.title')}>
      <h4>{t('sec.check.title')}</h4>
      <div className="sec-part-body">
        <div className="field-row-fields">
          <TagsField
            path="check.service"
            label={t('sec.check.service')}
            hint={t('sec.check.service.hint')}
            value={check.service ? [check.service] : []}
            onChange={(next) => patch({ service: next.at(-1) ?? '' })}
            suggestions={services}
            placeholder="platform/authz"
            width={232}
          />
          <TextField
            path="check.path_prefix"
            label={t('sec.check.prefix')}
            value={check.path_prefix}
            onChange={(path_prefix) => patch({ path_prefix })}
            placeholder="/check"
            width={120}
            mono
          />
          <NumberInput
            size="xs"
            w={104}
            label={t('sec.check.timeout')}
            inputWrapperOrder={FIELD_ORDER}
            value={check.timeout_ms}
            error={timeoutFault}
            min={1}
            max={10_000}
            allowDecimal={false}
            onChange={(next) => patch({ timeout_ms: Number(next) || 0 })}
          />
          <ChoiceField
            path="check.on_error"
            label={t('sec.check.onError')}
            value={check.on_error}
            options={ON_ERROR.map((each) => ({ value: each, label: t(`sec.check.onError.${each}`) }))}
            onChange={(on_error) => patch({ on_error })}
            width={176}
          />
        </div>
        <div className="field-row-fields">
          <TagsField
            path="check.request_headers"
            label={t('sec.check.request')}
            hint={t('sec.check.request.hint')}
            value={check.request_headers}
            onChange={(next) => patch({ request_headers: lower(next) })}
            placeholder="authorization, cookie"
          />
          <TagsField
            path="check.response_headers"
            label={t('sec.check.response')}
            hint={t('sec.check.response.hint')}
            value={check.response_headers}
            onChange={(next) => patch({ response_headers: lower(next) })}
            placeholder="x-user"
          />
        </div>
      </div>
    </section>
  )
}
