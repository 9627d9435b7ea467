// biome-ignore-all lint/a11y/useSemanticElements: the rows of a table cannot be placed, so only some could not be drawn
// biome-ignore-all lint/a11y/useFocusableInteractive: in a grid one cell takes the focus, not its rows and headers
/**
 * Sources by destinations. Only the cells in sight are drawn, so that hundreds of services cost no more than ten; one
 * cell takes the focus and the arrow keys move it.
 */
import {
  type KeyboardEvent,
  memo,
  type SyntheticEvent,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
} from 'react'
import type { Translate } from '@/text'
import { formatCount } from '@/ui/format'
import { useText } from '@/ui/useText'
import { inSight, type MatrixModel, type Pair, trafficHeight } from './matrixModel'
import { OutlookGlyph } from './parts'
import { sourceWords } from './ReplayPanel'

const CELL = 32
const ROW = 28
const HEAD = 168
const SIDE = 184

type Place = { row: number; column: number }
type MatrixGridProps = {
  model: MatrixModel
  pinned: { source: string; destination: string }
  onPoint: (pair: Pair | null) => void
  onPin: (pair: Pair) => void
}

const MOVES: Record<string, (place: Place, last: Place) => Place> = {
  ArrowUp: ({ row, column }) => ({ row: Math.max(0, row - 1), column }),
  ArrowDown: ({ row, column }, last) => ({ row: Math.min(last.row, row + 1), column }),
  ArrowLeft: ({ row, column }) => ({ row, column: Math.max(0, column - 1) }),
  ArrowRight: ({ row, column }, last) => ({ row, column: Math.min(last.column, column + 1) }),
  Home: ({ row }) => ({ row, column: 0 }),
  End: ({ row }, last) => ({ row, column: last.column }),
  PageUp: ({ row, column }) => ({ row: Math.max(0, row - 10), column }),
  PageDown: ({ row, column }, last) => ({ row: Math.min(last.row, row + 10), column }),
}

export function MatrixGrid({ model, pinned, onPoint, onPin }: MatrixGridProps) {
  const t = useText()
  const { sources, destinations } = model
  const scroller = useRef<HTMLDivElement>(null)
  const view = useView(scroller)
  const [active, setActive] = useState<Place>({ row: 0, column: 0 })
  const moved = useRef(false)
  const last = { row: sources.length - 1, column: destinations.length - 1 }
  const focus = { row: Math.min(active.row, last.row), column: Math.min(active.column, last.column) }
  const pairAt = ({ row, column }: Place) => model.pair(sources[row] ?? '', destinations[column] ?? '')

  useEffect(() => {
    if (!moved.current) return
    moved.current = false
    const element = scroller.current
    if (!element) return
    reveal(element, focus)
    element.querySelector<HTMLElement>('[role=gridcell][tabindex="0"]')?.focus({ preventScroll: true })
  })

  const onKeyDown = (event: KeyboardEvent) => {
    const move = MOVES[event.key]
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault()
      onPin(pairAt(focus))
    }
    if (!move) return
    event.preventDefault()
    const next = move(focus, last)
    moved.current = true
    setActive(next)
    onPoint(pairAt(next))
  }
  const placeOf = (event: SyntheticEvent): Place | null => {
    const cell = (event.target as HTMLElement).closest<HTMLElement>('[role=gridcell]')
    return cell ? { row: Number(cell.dataset.row), column: Number(cell.dataset.column) } : null
  }
  const rows = withActive(inSight(view.top, view.height, ROW, sources.length), focus.row)
  const columns = withActive(inSight(view.left, view.width, CELL, destinations.length), focus.column)
  return (
    <div className="sec-grid-scroll" ref={scroller}>
      <div
        role="grid"
        tabIndex={-1}
        aria-label={t('sec.tab.matrix')}
        aria-rowcount={sources.length + 1}
        aria-colcount={destinations.length + 1}
        className="sec-grid"
        style={{ width: SIDE + destinations.length * CELL, height: HEAD + sources.length * ROW }}
        onKeyDown={onKeyDown}
        onMouseOver={(event) => {
          const place = placeOf(event)
          onPoint(place && pairAt(place))
        }}
        onFocus={(event) => {
          const place = placeOf(event)
          if (place) onPoint(pairAt(place))
        }}
        onBlur={() => onPoint(null)}
        onMouseLeave={() => onPoint(null)}
        onClick={(event) => {
          const place = placeOf(event)
          if (!place) return
          setActive(place)
          onPin(pairAt(place))
        }}
      >
        <div role="row" aria-rowindex={1} className="sec-grid-head" style={{ height: HEAD }}>
          <span
            role="columnheader"
            aria-colindex={1}
            className="sec-grid-corner"
            style={{ width: SIDE, height: HEAD }}
          >
            <span>{t('sec.matrix.destination')} →</span>
            <span>↓ {t('sec.matrix.source')}</span>
          </span>
          {columns.map((column) => (
            <span
              key={destinations[column]}
              role="columnheader"
              aria-colindex={column + 2}
              className="sec-grid-column"
              style={{ left: SIDE + column * CELL, width: CELL, height: HEAD }}
              title={destinations[column]}
            >
              <span>{destinations[column]}</span>
            </span>
          ))}
        </div>
        {rows.map((row) => (
          <div
            key={sources[row]}
            role="row"
            aria-rowindex={row + 2}
            className="sec-grid-row"
            style={{ top: HEAD + row * ROW, height: ROW }}
          >
            <span
              role="rowheader"
              aria-colindex={1}
              className="sec-grid-side"
              style={{ width: SIDE, height: ROW }}
            >
              <span title={sources[row]}>{sourceWords(sources[row] ?? '', t)}</span>
            </span>
            {columns.map((column) => {
              const pair = pairAt({ row, column })
              return (
                <Cell
                  key={pair.destination}
                  pair={pair}
                  most={model.most}
                  row={row}
                  column={column}
                  focusable={row === focus.row && column === focus.column}
                  selected={pair.source === pinned.source && pair.destination === pinned.destination}
                />
              )
            })}
          </div>
        ))}
      </div>
    </div>
  )
}

type CellProps = {
  pair: Pair
  most: number
  row: number
  column: number
  focusable: boolean
  selected: boolean
}

const Cell = memo(function Cell({ pair, most, row, column, focusable, selected }: CellProps) {
  const t = useText()
  const { policy, requests, denied, disagrees, implied } = pair
  const share = requests ? denied / requests : 0
  return (
    <span
      role="gridcell"
      aria-colindex={column + 2}
      aria-selected={selected}
      aria-label={pairWords(pair, t)}
      tabIndex={focusable ? 0 : -1}
      className="sec-cell"
      data-row={row}
      data-column={column}
      data-implied={implied || undefined}
      data-flagged={disagrees || undefined}
      style={{ left: SIDE + column * CELL, width: CELL, height: ROW }}
    >
      <OutlookGlyph outlook={policy} />
      <span className="sec-traffic">
        <span style={{ height: `${trafficHeight(requests, most) * 100}%` }}>
          <span style={{ flexGrow: share }} className="sec-traffic-denied" />
          <span style={{ flexGrow: 1 - share }} />
        </span>
      </span>
    </span>
  )
})

/** "shop/frontend → shop/catalog: allowed, 312 requests, 4 denied" */
export function pairWords({ source, destination, policy, requests, denied }: Pair, t: Translate): string {
  return t('sec.matrix.pair', {
    source: sourceWords(source, t),
    destination,
    policy: t(`sec.outlook.${policy}`).toLowerCase(),
    requests: formatCount(requests),
    n: requests,
    denied: formatCount(denied),
  })
}

function withActive([first, last]: [number, number], active: number): number[] {
  const shown = Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index)
  if (active < 0 || (active >= first && active <= last)) return shown
  return active < first ? [active, ...shown] : [...shown, active]
}

/** Bring a cell out from under the headers and the edges. */
function reveal(element: HTMLElement, { row, column }: Place): void {
  const top = row * ROW
  const left = column * CELL
  const room = { height: element.clientHeight - HEAD, width: element.clientWidth - SIDE }
  if (top < element.scrollTop) element.scrollTop = top
  else if (top + ROW > element.scrollTop + room.height) element.scrollTop = top + ROW - room.height
  if (left < element.scrollLeft) element.scrollLeft = left
  else if (left + CELL > element.scrollLeft + room.width) element.scrollLeft = left + CELL - room.width
}

type View = { top: number; left: number; height: number; width: number }
const FIRST_VIEW: View = { top: 0, left: 0, height: 600, width: 1000 }

function sameView(a: View, b: View): boolean {
  return a.top === b.top && a.left === b.left && a.height === b.height && a.width === b.width
}

/** What of the grid is in sight, by whole cells, once for each frame. */
function useView(scroller: React.RefObject<HTMLDivElement | null>): View {
  const [view, setView] = useState(FIRST_VIEW)
  useLayoutEffect(() => {
    const element = scroller.current
    if (!element) return
    let frame = 0
    const read = () => {
      frame = 0
      const { scrollTop: top, scrollLeft: left, clientHeight: height, clientWidth: width } = element
      const next = {
        top: top - (top % ROW),
        left: left - (left % CELL),
        height: height || FIRST_VIEW.height,
        width: width || FIRST_VIEW.width,
      }
      setView((view) => (sameView(view, next) ? view : next))
    }
    const soon = () => {
      frame ||= requestAnimationFrame(read)
    }
    const observer = new ResizeObserver(soon)
    read()
    element.addEventListener('scroll', soon, { passive: true })
    observer.observe(element)
    return () => {
      cancelAnimationFrame(frame)
      element.removeEventListener('scroll', soon)
      observer.disconnect()
    }
  }, [scroller])
  return view
}
