/** One trace: what it came to in a sentence, the waterfall, and the span that is looked at. */
import './texts'
import './traces.css'
import { Button } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useMemo } from 'react'
import { ApiError } from '@/api/problem'
import { traceQueries } from '@/api/traces'
import type { Span, Trace } from '@/api/types'
import { CopyText } from '@/ui/CopyText'
import { formatCount, formatMs, formatShare } from '@/ui/format'
import { ToneMark } from '@/ui/Mark'
import { PageBody, PageHead, Panel } from '@/ui/Panel'
import { BlockSkeleton, EmptyState, Loaded } from '@/ui/States'
import { Time } from '@/ui/Time'
import { useText } from '@/ui/useText'
import { useUrlState } from '@/ui/useUrlState'
import { SpanDetails } from './SpanDetails'
import { Waterfall } from './Waterfall'
import {
  childrenOf,
  countOrphans,
  criticalPath,
  firstFault,
  type Interval,
  type Share,
  serviceOrder,
  timeByService,
} from './waterfall'

/** `zoom` is a span: its time fills the width. */
const DEFAULTS = { span: '', zoom: '' }
const SHARES = 6
const COLORS = 8

export function TracePage({ id }: { id: string }) {
  const t = useText()
  const query = useQuery(traceQueries.one(id))
  if (query.error instanceof ApiError && query.error.status === 404 && !query.data) {
    return (
      <PageBody>
        <EmptyState title={t('trace.gone')} next={t('trace.gone.next')} />
      </PageBody>
    )
  }
  return (
    <PageBody>
      <Loaded query={query} source={t('traces.source.one')} skeleton={<BlockSkeleton height={560} />}>
        {(trace) => <TraceView trace={trace} />}
      </Loaded>
    </PageBody>
  )
}

function TraceView({ trace }: { trace: Trace }) {
  const t = useText()
  const [{ span: asked, zoom }, set] = useUrlState(DEFAULTS)
  const { spans } = trace
  const known = useMemo(() => new Map(spans.map((span) => [span.span_id, span])), [spans])
  const children = useMemo(() => childrenOf(spans), [spans])
  const path = useMemo(() => criticalPath(spans), [spans])
  const order = useMemo(() => serviceOrder(spans), [spans])
  const shares = useMemo(() => timeByService(spans, path), [spans, path])
  const selected = known.get(asked) ?? firstFault(spans) ?? spans[0]
  if (!selected) return null
  const zoomed = known.get(zoom)
  return (
    <>
      <PageHead
        sentence={<Sentence trace={trace} shares={shares} />}
        detail={
          <span className="row">
            <Time at={trace.start} />
            <span>
              {t('trace.counts', {
                n: spans.length,
                count: formatCount(spans.length),
                services: trace.services.length,
              })}
            </span>
            <CopyText value={trace.trace_id} />
          </span>
        }
        actions={
          <>
            <Elsewhere traceId={trace.trace_id} />
            <Button
              size="xs"
              variant="default"
              renderRoot={(props) => (
                <Link to="/logs" search={{ trace_id: trace.trace_id } as never} {...props} />
              )}
            >
              {t('trace.log')}
            </Button>
          </>
        }
      />
      <Gaps trace={trace} />
      <TimeSpent shares={shares} order={order} />
      <Panel flush>
        <div className="trace-body">
          <Waterfall
            spans={spans}
            window={windowOf(trace, zoomed)}
            path={path}
            order={order}
            selected={selected.span_id}
            onSelect={(span) => set({ span })}
          />
          <SpanDetails
            key={selected.span_id}
            span={selected}
            parent={known.get(selected.parent_id ?? '')}
            zoomed={zoomed === selected}
            below={children.get(selected.span_id) ?? NO_SPANS}
            onZoom={() => set({ zoom: zoomed === selected ? '' : selected.span_id })}
          />
        </div>
      </Panel>
    </>
  )
}

const NO_SPANS: Span[] = []

function windowOf({ duration_ms }: Trace, zoomed: Span | undefined): Interval {
  if (!zoomed) return [0, duration_ms]
  return [zoomed.offset_ms, zoomed.offset_ms + zoomed.duration_ms]
}

/** What it was, how it ended, and whose time it took: the last only where one service stands out. */
function Sentence({ trace, shares }: { trace: Trace; shares: Share[] }) {
  const t = useText()
  const root = trace.spans[0]
  const fault = firstFault(trace.spans)
  const told = {
    name: root?.name ?? '',
    service: root?.service ?? '',
    took: formatMs(trace.duration_ms),
    at: fault?.peer || fault?.service || '',
  }
  const most = shares[0]
  const where =
    most && shares.length > 1
      ? ` ${t('trace.sentence.where', { share: formatShare(most.share), service: most.service })}`
      : ''
  const tone = root?.error ? 'failing' : fault ? 'degraded' : 'healthy'
  const key = root?.error ? 'trace.sentence.failed' : fault ? 'trace.sentence.survived' : 'trace.sentence'
  return (
    <span className="sentence">
      <ToneMark tone={tone} label={`${t(key, told)}${where}`} />
    </span>
  )
}

/** What of this trace is not here, and why that can be. */
function Gaps({ trace }: { trace: Trace }) {
  const t = useText()
  const orphans = countOrphans(trace)
  return (
    <>
      {trace.truncated && (
        <p className="notice notice-degraded">
          {t('trace.truncated', { count: formatCount(trace.spans.length) })}
        </p>
      )}
      {orphans > 0 && (
        <p className="notice notice-degraded">
          {t('trace.orphans', { n: orphans, count: formatCount(orphans) })}
        </p>
      )}
    </>
  )
}

/** Whose time the trace waited for, as one bar. */
function TimeSpent({ shares, order }: { shares: Share[]; order: ReadonlyMap<string, number> }) {
  const t = useText()
  if (shares.length < 2) return null
  const shown = shares.slice(0, SHARES)
  const rest = shares.slice(SHARES).reduce((sum, { ms }) => sum + ms, 0)
  const color = (service: string) => `service-${(order.get(service) ?? COLORS - 1) % COLORS}`
  return (
    <figure className="time-spent" aria-label={t('trace.spent')}>
      <div className="share-bar" aria-hidden="true">
        {shown.map(({ service, ms }) => (
          <span key={service} className={color(service)} style={{ flexGrow: ms }} />
        ))}
      </div>
      <figcaption className="row">
        <span>{t('trace.spent')}</span>
        {shown.map(({ service, ms, share }) => (
          <span key={service} className="marked">
            <span className={`waterfall-swatch ${color(service)}`} aria-hidden="true" />
            {service} <span className="muted">{`${formatMs(ms)}, ${formatShare(share)}`}</span>
          </span>
        ))}
        {rest > 0 && <span className="muted">{t('trace.spent.rest', { ms: formatMs(rest) })}</span>}
      </figcaption>
    </figure>
  )
}

/** The same trace in another tool, where the settings name one. */
function Elsewhere({ traceId }: { traceId: string }) {
  const t = useText()
  const link = useQuery(traceQueries.settings()).data?.value.link
  if (!link) return null
  const href = link.replaceAll('{trace_id}', traceId)
  return (
    <Button size="xs" variant="default" component="a" href={href} target="_blank" rel="noreferrer">
      {t('trace.elsewhere', { host: new URL(href).host })}
    </Button>
  )
}
