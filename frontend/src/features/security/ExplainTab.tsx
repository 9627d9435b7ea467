/** "May A call B on GET /x?" The question is in the address, to be shared. */
import '@/ui/fields.css'
import { Select, Textarea, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { toFormErrors } from '@/api/problem'
import { queries } from '@/api/queries'
import { securityQueries } from '@/api/security'
import { PageHead, Panel } from '@/ui/Panel'
import { EmptyState } from '@/ui/States'
import { useText } from '@/ui/useText'
import { useUrlState } from '@/ui/useUrlState'
import { ExplanationView } from './ExplanationView'
import { BLANK, headersOf, type Question, requestOf } from './explainRequest'

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']
const FIELDS = ['source', 'service', 'method', 'path', 'host', 'headers', 'address', 'at', 'token.provider']
const PAUSE_MS = 300

export default function ExplainTab() {
  const t = useText()
  const [question, set] = useUrlState<keyof Question>(BLANK)
  const [settled] = useDebouncedValue(question, PAUSE_MS)
  const request = requestOf(settled)
  const answer = useQuery(securityQueries.explain(request))
  const { fields, form } = toFormErrors(answer.error, FIELDS)
  const source = question.source || t('sec.source.unknown')
  const asked = { source, service: question.service, method: question.method, path: question.path || '/' }
  return (
    <>
      <PageHead sentence={question.service ? t('sec.explain.question', asked) : t('sec.explain.ask')} />
      <Panel>
        <QuestionForm question={question} errors={fields} onChange={set} />
        {form && (
          <p className="text-failing" role="alert">
            {form}
          </p>
        )}
      </Panel>
      {!request && <EmptyState title={t('sec.explain.empty')} next={t('sec.explain.empty.next')} />}
      {request && answer.data && !answer.error && (
        <ExplanationView explanation={answer.data} request={request} />
      )}
    </>
  )
}

type FormProps = {
  question: Question
  errors: Record<string, string>
  onChange: (patch: Partial<Question>) => void
}

function QuestionForm({ question, errors, onChange }: FormProps) {
  const t = useText()
  const services = (useQuery(queries.services()).data ?? []).map(({ id }) => id)
  const gateways = (useQuery(queries.gateways()).data ?? []).map(({ id }) => id)
  const providers = (useQuery(securityQueries.providers()).data ?? []).map(({ name }) => name)
  const { host, headers, address, at } = question
  const { malformed } = headersOf(headers)
  const text = (name: 'path' | 'host' | 'address', width: number | undefined, placeholder: string) => (
    <TextInput
      size="xs"
      w={width}
      className={width ? undefined : 'field-wide'}
      label={t(`sec.explain.${name}`)}
      value={question[name]}
      error={errors[name]}
      placeholder={placeholder}
      classNames={{ input: 'mono' }}
      spellCheck={false}
      onChange={(event) => onChange({ [name]: event.currentTarget.value })}
    />
  )
  return (
    <form className="sec-question" onSubmit={(event) => event.preventDefault()}>
      <div className="field-row-fields">
        <Select
          size="xs"
          w={216}
          label={t('sec.explain.source')}
          placeholder={t('sec.source.unknown')}
          value={question.source || null}
          error={errors.source}
          data={[...services, ...gateways].sort()}
          searchable
          clearable
          onChange={(source) => onChange({ source: source ?? '' })}
        />
        <Select
          size="xs"
          w={216}
          label={t('sec.explain.service')}
          value={question.service || null}
          error={errors.service}
          data={[...services, ...gateways].sort()}
          searchable
          onChange={(service) => onChange({ service: service ?? '' })}
        />
        <Select
          size="xs"
          w={104}
          label={t('sec.explain.method')}
          value={question.method}
          error={errors.method}
          data={METHODS.includes(question.method) ? METHODS : [...METHODS, question.method]}
          allowDeselect={false}
          onChange={(method) => onChange({ method: method ?? 'GET' })}
        />
        {text('path', undefined, '/items/7')}
      </div>
      <details open={Boolean(host || headers || address || at || question.provider)}>
        <summary className="muted">{t('sec.explain.more')}</summary>
        <div className="field-row-fields">
          {text('host', 216, 'catalog.shop.mesh')}
          {text('address', 176, '10.0.0.7')}
          <TextInput
            size="xs"
            type="datetime-local"
            label={t('sec.explain.at')}
            value={question.at}
            error={errors.at}
            onChange={(event) => onChange({ at: event.currentTarget.value })}
          />
          <Textarea
            size="xs"
            className="field-wide"
            label={t('sec.explain.headers')}
            placeholder="x-tier: gold"
            value={question.headers}
            error={malformed ? t('sec.explain.malformed', { line: malformed }) : errors.headers}
            rows={2}
            classNames={{ input: 'mono' }}
            spellCheck={false}
            onChange={(event) => onChange({ headers: event.currentTarget.value })}
          />
          <Select
            size="xs"
            w={176}
            label={t('sec.explain.provider')}
            placeholder={t('sec.explain.noToken')}
            value={question.provider || null}
            error={errors['token.provider']}
            data={providers}
            clearable
            onChange={(provider) => onChange({ provider: provider ?? '' })}
          />
          {question.provider && (
            <Textarea
              size="xs"
              className="field-wide"
              label={t('sec.explain.claims')}
              placeholder="role: reader"
              value={question.claims}
              rows={2}
              classNames={{ input: 'mono' }}
              spellCheck={false}
              onChange={(event) => onChange({ claims: event.currentTarget.value })}
            />
          )}
        </div>
      </details>
    </form>
  )
}
