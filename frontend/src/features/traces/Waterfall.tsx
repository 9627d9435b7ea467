/**
 * The spans of a trace in time, as a tree that is walked by keyboard: up and down, left and right to fold.
 *
 * Only the rows in sight are drawn. The span that is looked at has the focus and stands in the page's address.
 */
import { useMediaQuery } from '@mantine/hooks'
import { IconChevronDown, IconChevronRight } from '@tabler/icons-react'
import {
  type CSSProperties,
  type KeyboardEvent,
  type UIEvent,
  useEffect,
  useMemo,
  useRef,
  useState,
} from 'react'
import type { Span } from '@/api/types'
import { formatMs } from '@/ui/format'
import { ToneMark } from '@/ui/Mark'
import { useText } from '@/ui/useText'
import { type Interval, isTry, placed, type Row, rowsOf, ticks } from './waterfall'

type WaterfallProps = {
  spans: readonly Span[]
  window: Interval
  path: ReadonlyMap<string, Interval[]>
  order: ReadonlyMap<string, number>
  selected: string
  onSelect: (id: string) => void
}

const WIDE_ROW = 28
const NARROW_ROW = 44
const OVERSCAN = 8
const HEIGHT = 560
const TICKS = 5
/** Colours of services, in traces.css. */
const COLORS = 8

export function Waterfall({ spans, window, path, order, selected, onSelect }: WaterfallProps) {
  const t = useText()
  const narrow = useMediaQuery('(max-width: 800px)', false, { getInitialValueInEffect: false })
  const rowHeight = narrow ? NARROW_ROW : WIDE_ROW
  const [folded, setFolded] = useState<ReadonlySet<string>>(new Set())
  const rows = useMemo(() => rowsOf(spans, folded), [spans, folded])
  const current = Math.max(
    0,
    rows.findIndex(({ span }) => span.span_id === selected),
  )
  const { body, top, onScroll } = useScroll(current * rowHeight, rowHeight)
  const fold = (id: string, isFolded: boolean) => {
    const next = new Set(folded)
    if (isFolded) next.add(id)
    else next.delete(id)
    setFolded(next)
  }
  const go = (index: number) => {
    const row = rows[Math.min(Math.max(index, 0), rows.length - 1)]
    if (row) onSelect(row.span.span_id)
  }
  const onKey = (event: KeyboardEvent) => {
    const move = keyMove(event.key, rows, current)
    if (!move) return
    event.preventDefault()
    if ('fold' in move) fold(rows[current]?.span.span_id ?? '', move.fold)
    else go(move.to)
  }
  const first = Math.max(0, Math.floor(top / rowHeight) - OVERSCAN)
  const shown = rows.slice(first, first + Math.ceil(HEIGHT / rowHeight) + 2 * OVERSCAN)
  return (
    <div className="waterfall">
      <Axis window={window} />
      <div
        ref={body}
        className="waterfall-body"
        style={{ maxHeight: HEIGHT }}
        onScroll={onScroll}
        onKeyDown={onKey}
        role="tree"
        aria-label={t('trace.spans')}
      >
        <div role="presentation" style={{ height: rows.length * rowHeight, position: 'relative' }}>
          {shown.map((row, index) => (
            <SpanRow
              key={row.span.span_id}
              row={row}
              place={{ top: (first + index) * rowHeight, height: rowHeight }}
              window={window}
              waited={path.get(row.span.span_id) ?? NONE_WAITED}
              color={(order.get(row.span.service) ?? 0) % COLORS}
              current={first + index === current}
              selected={row.span.span_id === selected}
              onSelect={onSelect}
              onFold={fold}
            />
          ))}
        </div>
      </div>
    </div>
  )
}

const NONE_WAITED: Interval[] = []

/** How far down the body is scrolled; what is looked at is brought into sight. */
function useScroll(currentTop: number, rowHeight: number) {
  const body = useRef<HTMLDivElement>(null)
  const [top, setTop] = useState(0)
  useEffect(() => {
    const element = body.current
    if (!element) return
    if (currentTop < element.scrollTop) element.scrollTop = currentTop
    const bottom = currentTop + rowHeight
    if (bottom > element.scrollTop + HEIGHT) element.scrollTop = bottom - HEIGHT
  }, [currentTop, rowHeight])
  return { body, top, onScroll: (event: UIEvent<HTMLElement>) => setTop(event.currentTarget.scrollTop) }
}

type Move = { to: number } | { fold: boolean }

/** What a key does in a tree (WAI-ARIA): sideways it folds and unfolds first, then goes to parent and child. */
export function keyMove(key: string, rows: readonly Row[], current: number): Move | null {
  const row = rows[current]
  if (!row) return null
  if (key === 'ArrowDown') return { to: current + 1 }
  if (key === 'ArrowUp') return { to: current - 1 }
  if (key === 'Home') return { to: 0 }
  if (key === 'End') return { to: rows.length - 1 }
  if (key === 'ArrowRight' && row.children > 0) return row.folded ? { fold: false } : { to: current + 1 }
  if (key !== 'ArrowLeft') return null
  if (row.children > 0 && !row.folded) return { fold: true }
  const parent = rows.findIndex(({ span }) => span.span_id === row.span.parent_id)
  return parent < 0 ? null : { to: parent }
}

function Axis({ window }: { window: Interval }) {
  const t = useText()
  return (
    <div className="waterfall-axis">
      <span>
        {t('trace.span')} <span className="waterfall-hint">{t('trace.waited')}</span>
      </span>
      <span className="waterfall-ticks" aria-hidden="true">
        {ticks(window, TICKS).map((at) => (
          <span key={at} style={{ left: `${100 * ((at - window[0]) / (window[1] - window[0] || 1))}%` }}>
            {at === 0 ? '0' : formatMs(at)}
          </span>
        ))}
      </span>
    </div>
  )
}

type SpanRowProps = {
  row: Row
  place: { top: number; height: number }
  window: Interval
  waited: Interval[]
  color: number
  current: boolean
  selected: boolean
  onSelect: (id: string) => void
  onFold: (id: string, folded: boolean) => void
}

function SpanRow({ row, place, window, waited, color, current, selected, onSelect, onFold }: SpanRowProps) {
  const element = useRef<HTMLDivElement>(null)
  const { span, children, folded } = row
  // Whoever walks by keyboard takes the focus along.
  useEffect(() => {
    const tree = element.current?.closest('[role="tree"]')
    if (current && tree?.contains(document.activeElement)) element.current?.focus({ preventScroll: true })
  }, [current])
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the tree takes the keys of all its items
    <div
      ref={element}
      role="treeitem"
      className="waterfall-row"
      style={place}
      tabIndex={current ? 0 : -1}
      aria-level={span.depth + 1}
      aria-expanded={children > 0 ? !folded : undefined}
      aria-selected={selected}
      onClick={() => onSelect(span.span_id)}
    >
      <SpanName row={row} color={color} onFold={onFold} />
      <SpanBar span={span} window={window} waited={waited} color={color} />
    </div>
  )
}

type SpanNameProps = { row: Row; color: number; onFold: SpanRowProps['onFold'] }

function SpanName({ row: { span, children, folded }, color, onFold }: SpanNameProps) {
  const t = useText()
  const Chevron = folded ? IconChevronRight : IconChevronDown
  return (
    <span
      className="waterfall-name"
      style={{ paddingLeft: `calc(var(--indent) * ${Math.min(span.depth, 24)})` }}
    >
      {children > 0 ? (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the arrow keys of the tree do the same
        // biome-ignore lint/a11y/noStaticElementInteractions: the row says whether it is expanded
        <span
          className="waterfall-fold"
          onClick={(event) => {
            event.stopPropagation()
            onFold(span.span_id, !folded)
          }}
        >
          <Chevron size={14} aria-hidden="true" />
        </span>
      ) : (
        <span className="waterfall-fold" />
      )}
      <span className={`waterfall-swatch service-${color}`} aria-hidden="true" />
      {span.error && <ToneMark tone="failing" quiet label={t('traces.failed')} />}
      {span.orphan && <ToneMark tone="unknown" quiet label={t('trace.orphan')} />}
      <span className="waterfall-title">
        {!isTry(span) && <strong>{span.service || t('trace.unnamed')}</strong>} {span.name}
        {span.peer && <span className="muted"> → {span.peer}</span>}
      </span>
    </span>
  )
}

type SpanBarProps = { span: Span; window: Interval; waited: Interval[]; color: number }

const percent = (share: number) => `${100 * share}%`

/** The bar, the parts that the trace waited for in full height, and how long it took beside it. */
function SpanBar({ span, window, waited, color }: SpanBarProps) {
  const at = placed([span.offset_ms, span.offset_ms + span.duration_ms], window)
  if (!at) return <span className="waterfall-time" />
  return (
    <span className="waterfall-time">
      <span
        className={`waterfall-bar service-${color}`}
        style={{ left: percent(at.left), width: percent(at.width) }}
      />
      {waited.map((interval) => {
        const part = placed(interval, window)
        return (
          part && (
            <span
              key={interval[0]}
              className={`waterfall-waited service-${color}`}
              style={{ left: percent(part.left), width: percent(part.width) }}
            />
          )
        )
      })}
      <span className="waterfall-took" style={beside(at)}>
        {formatMs(span.duration_ms)}
      </span>
    </span>
  )
}

/** A label takes about this share of the width. */
const LABEL = 0.15

/** Behind the bar, else before it, else upon its end. */
function beside({ left, width }: { left: number; width: number }): CSSProperties {
  if (left + width < 1 - LABEL) return { left: percent(left + width) }
  return left > LABEL ? { right: percent(1 - left) } : { right: 2, background: 'var(--panel)' }
}
