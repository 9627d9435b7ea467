/** Rules in the words of other meshes: read as drafts, and written for them. */
import './routing.css'
import './views.css'
import { Button, FileButton, SegmentedControl, Textarea } from '@mantine/core'
import { IconDownload, IconUpload } from '@tabler/icons-react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { type DragEvent, useState } from 'react'
import { body, client } from '@/api/client'
import { toFormErrors } from '@/api/problem'
import { queries, servicePath } from '@/api/queries'
import type { ExchangeFormat, ExchangeNote, Imported, ImportedService } from '@/api/types'
import { addEnglish } from '@/text'
import { trafficEn } from '@/text/traffic.en'
import { CopyAction } from '@/ui/CopyText'
import { ToneMark } from '@/ui/Mark'
import { Panel } from '@/ui/Panel'
import { BlockSkeleton, Loaded } from '@/ui/States'
import { save } from '@/ui/save'
import { useText } from '@/ui/useText'
import { wholeRoute } from './draft/rules'
import { type Draft, draftOf, setDraft } from './draft/store'

addEnglish(trafficEn)

const FORMATS: ExchangeFormat[] = ['istio', 'gateway-api', 'smi']
const NAMES: Record<ExchangeFormat, string> = { istio: 'Istio', 'gateway-api': 'Gateway API', smi: 'SMI' }

export function ImportRules({ namespace = '' }: { namespace?: string }) {
  const t = useText()
  const [text, setText] = useState('')
  const read = useMutation({
    mutationFn: () => body(client.POST('/api/v1/interchange/import/', { body: { text, namespace } })),
  })
  const { fields, form } = toFormErrors(read.error, ['text', 'namespace'])
  const take = async (file: File | undefined | null) => file && setText(await file.text())
  const onDrop = (event: DragEvent) => {
    event.preventDefault()
    void take(event.dataTransfer.files[0])
  }
  return (
    <Panel
      title={t('import.title')}
      aside={
        <FileButton accept=".yaml,.yml,.json" onChange={take}>
          {(props) => (
            <Button size="xs" variant="default" leftSection={<IconUpload size={14} />} {...props}>
              {t('import.file')}
            </Button>
          )}
        </FileButton>
      }
    >
      {/* biome-ignore lint/a11y/noStaticElementInteractions: dropping a file has the button beside it as its equal */}
      <div className="stack" onDrop={onDrop} onDragOver={(event) => event.preventDefault()}>
        <Textarea
          label={t('import.text')}
          description={t('import.text.hint')}
          value={text}
          error={fields.text}
          rows={10}
          classNames={{ input: 'mono' }}
          spellCheck={false}
          onChange={(event) => setText(event.currentTarget.value)}
        />
        {form && (
          <p className="text-failing" role="alert">
            {form}
          </p>
        )}
        <div>
          <Button size="xs" disabled={!text.trim()} loading={read.isPending} onClick={() => read.mutate()}>
            {t('import.read')}
          </Button>
        </div>
        {read.data && <ImportResult imported={read.data} />}
      </div>
    </Panel>
  )
}

function ImportResult({ imported }: { imported: Imported }) {
  const t = useText()
  const { services, report } = imported
  return (
    <>
      <p role="status">{t('import.found', { count: services.length, n: services.length })}</p>
      <ul className="plain-list">
        {services.map((service) => (
          <li key={service.service}>
            <ImportedRow imported={service} />
          </li>
        ))}
      </ul>
      <Notes notes={report} document />
    </>
  )
}

const IMPORTED = ['split', 'routes', 'resilience'] as const

function ImportedRow({ imported }: { imported: ImportedService }) {
  const t = useText()
  const cache = useQueryClient()
  const { service, exists, missing_versions: missing, routes, split, resilience } = imported
  const [namespace = '', name = ''] = service.split('/')
  const draft = useMutation({
    mutationFn: async () => {
      const [heldRoutes, heldSplit, heldResilience] = await Promise.all([
        cache.fetchQuery(queries.routes(service)),
        cache.fetchQuery(queries.split(service)),
        cache.fetchQuery(queries.resilience(service)),
      ])
      const next: Draft = { ...draftOf(service) }
      if (routes) next.routes = { etag: heldRoutes.etag, value: routes.map(wholeRoute) }
      if (split)
        next.split = { etag: heldSplit.etag, value: { ...zeroed(heldSplit.value.weights), ...split } }
      if (resilience)
        next.resilience = {
          etag: heldResilience.etag,
          value: {
            ...resilience,
            balancer: { hash: { kind: 'source', name: '' }, ...resilience.balancer },
          } as never,
        }
      setDraft(service, next)
    },
  })
  const parts = IMPORTED.filter((part) => imported[part] !== null)
  return (
    <div className="imported">
      <div className="row">
        <strong>{service}</strong>
        <span className="muted">{parts.map((part) => t(`part.${part}`)).join(', ')}</span>
        {!exists && <ToneMark tone="degraded" label={t('import.noService')} />}
        {missing.length > 0 && (
          <ToneMark
            tone="degraded"
            label={t('import.missing', { versions: missing.join(', '), n: missing.length })}
          />
        )}
      </div>
      {exists && (
        <div className="row">
          <Button size="xs" variant="default" loading={draft.isPending} onClick={() => draft.mutate()}>
            {t('import.take')}
          </Button>
          {draft.isSuccess && (
            <span role="status">
              <Link
                to="/services/$namespace/$name"
                params={{ namespace, name }}
                search={{ tab: 'routes' } as never}
              >
                {t('import.taken')}
              </Link>
            </span>
          )}
          {draft.error && <span className="text-failing">{draft.error.message}</span>}
        </div>
      )}
    </div>
  )
}

const zeroed = (weights: Record<string, number>) =>
  Object.fromEntries(Object.keys(weights).map((version) => [version, 0]))

const NOTE_TONE = { lost: 'failing', changed: 'degraded', info: 'unknown' } as const
const SEVERITIES = ['lost', 'changed', 'info'] as const

/** What could not be carried over, the worst first. */
function Notes({ notes, document }: { notes: readonly ExchangeNote[]; document?: boolean }) {
  const t = useText()
  if (!notes.length) return <p className="muted">{t('import.whole')}</p>
  const ordered = [...notes].sort((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity))
  return (
    <ul className="note-list" aria-label={t('import.report')}>
      {ordered.map((note) => (
        <li key={`${note.document} ${note.path} ${note.detail}`}>
          <ToneMark tone={NOTE_TONE[note.severity]} label={t(`import.${note.severity}`)} />
          <span>
            <code>{document ? `${note.document + 1}: ${note.path}` : note.path}</code> {note.detail}
          </span>
        </li>
      ))}
    </ul>
  )
}

export function ExportRules({ service }: { service: string }) {
  const t = useText()
  const [format, setFormat] = useState<ExchangeFormat>('istio')
  const query = useQuery({
    queryKey: ['service', service, 'export', format],
    queryFn: () =>
      body(
        client.GET('/api/v1/services/{ns}/{name}/export/', {
          params: { path: servicePath(service), query: { format } },
        }),
      ),
  })
  const text = query.data?.text ?? ''
  return (
    <Panel
      title={t('export.title')}
      aside={
        <>
          <CopyAction value={text} />
          <Button
            size="xs"
            variant="default"
            leftSection={<IconDownload size={14} />}
            disabled={!text}
            onClick={() => save(`${service.replace('/', '-')}.${format}.yaml`, text, 'application/yaml')}
          >
            {t('export.download')}
          </Button>
        </>
      }
    >
      <div className="stack">
        <SegmentedControl
          size="xs"
          className="segments"
          value={format}
          aria-label={t('export.format')}
          data={FORMATS.map((value) => ({ value, label: NAMES[value] }))}
          onChange={(next) => setFormat(next as ExchangeFormat)}
        />
        <Loaded query={query} source={t('export.title')} skeleton={<BlockSkeleton />}>
          {({ text: shown, report }) => (
            <>
              {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard */}
              <pre className="code-block sunken" tabIndex={0}>
                {shown}
              </pre>
              <Notes notes={report} />
            </>
          )}
        </Loaded>
      </div>
    </Panel>
  )
}
