/** One span: what the mesh decided in words, where to go on from here, and everything that was told of it. */
import { Button } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { Span } from '@/api/types'
import { CopyText } from '@/ui/CopyText'
import { policyOf } from '@/ui/decisionWords'
import { formatBytes, formatMs, NONE } from '@/ui/format'
import { ToneMark } from '@/ui/Mark'
import { Facts } from '@/ui/Panel'
import { useText } from '@/ui/useText'
import { type Sentence, sentencesOf } from './decisions'
import { outsideParent, selfTime } from './waterfall'

type DetailsProps = {
  span: Span
  parent: Span | undefined
  /** Its children. */
  below: readonly Span[]
  zoomed: boolean
  onZoom: () => void
}

export function SpanDetails({ span, parent, below, zoomed, onZoom }: DetailsProps) {
  const t = useText()
  const outside = outsideParent(span, parent)
  const { decisions } = span
  return (
    <aside className="span-details" aria-label={t('span.title')}>
      <header className="span-head">
        <h2>
          {span.service || t('trace.unnamed')} <span className="muted">{span.name}</span>
        </h2>
        <Button size="compact-xs" variant="default" onClick={onZoom}>
          {t(zoomed ? 'span.zoomOut' : 'span.zoom')}
        </Button>
      </header>
      <SpanFault span={span} />
      <Decided span={span} parent={parent} sentences={sentencesOf(span, below, t)} />
      <Facts
        items={[
          [t('traces.duration'), formatMs(span.duration_ms)],
          [t('span.self'), formatMs(selfTime(span, below))],
          [t('span.after'), formatMs(span.offset_ms)],
          ...(span.version ? [[t('table.version'), span.version] as [string, ReactNode]] : []),
          [t('span.kind'), t(isKind(span.kind) ? `span.kind.${span.kind}` : 'span.kind.internal')],
          [t('span.reporter'), t(span.reporter === 'proxy' ? 'span.reporter.proxy' : 'span.reporter.app')],
          ...(decisions
            ? [
                [
                  t('span.bytes'),
                  `${formatBytes(decisions.request_bytes)} / ${formatBytes(decisions.response_bytes)}`,
                ] as [string, ReactNode],
              ]
            : []),
        ]}
      />
      {span.orphan && <p className="notice">{t('span.orphan')}</p>}
      {outside && <p className="muted">{t(`span.outside.${outside}`)}</p>}
      <Attributes title={t('span.attributes')} values={span.attributes} />
      {span.events.map(({ at_ms, name, attributes }) => (
        <Attributes key={`${at_ms} ${name}`} title={`${formatMs(at_ms)} · ${name}`} values={attributes} />
      ))}
      <p className="span-id">
        <span className="muted">{t('span.id')}</span> <CopyText value={span.span_id} />
      </p>
    </aside>
  )
}

const KINDS = ['internal', 'server', 'client', 'producer', 'consumer'] as const
type Kind = (typeof KINDS)[number]
const isKind = (kind: string): kind is Kind => (KINDS as readonly string[]).includes(kind)

/** What failed is said with the decisions, where there are any. */
function SpanFault({ span: { error, message, decisions } }: { span: Span }) {
  const t = useText()
  if (!error || (decisions && !message)) return null
  return (
    <p>
      <ToneMark tone="failing" label={message || t('traces.failed')} />
    </p>
  )
}

type DecidedProps = { span: Span; parent: Span | undefined; sentences: Sentence[] }

function Decided({ span, parent, sentences }: DecidedProps) {
  const t = useText()
  if (sentences.length === 0) return null
  return (
    <div>
      <h3 className="side-title">{t('span.decided')}</h3>
      <ul className="span-decided">
        {sentences.map(({ tone, text, about }) => (
          <li key={text}>
            <ToneMark tone={tone} label={text} />{' '}
            {about && <About about={about} span={span} parent={parent} />}
          </li>
        ))}
      </ul>
    </div>
  )
}

type AboutProps = { about: NonNullable<Sentence['about']>; span: Span; parent: Span | undefined }

/** Where the decision can be understood or changed. */
function About({ about, span, parent }: AboutProps) {
  const t = useText()
  const decider = span.peer || span.service
  const [namespace, name] = decider.split('/')
  if (!namespace || !name) return null
  if (about === 'policy') return <AboutPolicy span={span} parent={parent} />
  const tab = about === 'instances' ? 'split' : 'routes'
  return (
    <Link to="/services/$namespace/$name" params={{ namespace, name }} search={{ tab } as never}>
      {t(`span.about.${about}`)}
    </Link>
  )
}

/** The policy itself where the proxy named it, else the question which it was. */
function AboutPolicy({ span, parent }: { span: Span; parent: Span | undefined }) {
  const t = useText()
  const told = (name: string) => String(span.attributes[name] ?? '')
  const policy = policyOf(span.decisions?.rule ?? '')
  if (policy) {
    return (
      <Link to="/security/policies/$name" params={{ name: policy }}>
        {t('span.about.policy')}
      </Link>
    )
  }
  const question = {
    tab: 'explain',
    source: span.peer ? span.service : (parent?.service ?? ''),
    service: span.peer || span.service,
    method: told('http.request.method') || 'GET',
    path: told('url.path'),
  }
  return (
    <Link to="/security" search={question as never}>
      {t('span.about.explain')}
    </Link>
  )
}

function Attributes({ title, values }: { title: string; values: Record<string, unknown> }) {
  const entries = Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1))
  if (entries.length === 0) return null
  return (
    <div>
      <h3 className="side-title">{title}</h3>
      <dl className="span-attributes">
        {entries.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{valueText(value)}</dd>
          </div>
        ))}
      </dl>
    </div>
  )
}

function valueText(value: unknown): string {
  if (Array.isArray(value)) return value.length ? value.map(valueText).join(', ') : NONE
  if (value === null || value === '') return NONE
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
