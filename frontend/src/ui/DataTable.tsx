/** The one table: sortable by its headers, right-aligned numbers, rows that stack on a phone, long lists in steps. */
import { Button } from '@mantine/core'
import { Fragment, type ReactNode, useMemo, useState } from 'react'
import { useText } from './useText'

export type Column<R> = {
  key: string
  header: string
  cell: (row: R) => ReactNode
  /** The value to sort by; a column without one cannot be sorted. */
  sort?: (row: R) => string | number | null
  numeric?: boolean
  /** Left out below 640 px, where every row is a card. */
  wideOnly?: boolean
  /** Long texts take the whole width of the card. */
  long?: boolean
}

export type Sort = { key: string; descending: boolean }

type DataTableProps<R> = {
  label: string
  columns: Column<R>[]
  rows: R[]
  rowKey: (row: R) => string
  sort?: Sort
  onSort?: (sort: Sort) => void
  selected?: string
  /** What stands below the row that is selected; a cell of the row must open and close it. */
  detail?: (row: R) => ReactNode
}

/** Rows drawn at first, and with each "more": a thousand live rows at once would keep a browser busy. */
export const STEP = 200

export function sortRows<R>(rows: R[], columns: Column<R>[], sort: Sort | undefined): R[] {
  const value = columns.find((column) => column.key === sort?.key)?.sort
  if (!sort || !value) return rows
  const sign = sort.descending ? -1 : 1
  return [...rows].sort((a, b) => {
    const left = value(a)
    const right = value(b)
    if (left === right) return 0
    if (left === null) return 1
    if (right === null) return -1
    return left < right ? -sign : sign
  })
}

export function DataTable<R>({
  label,
  columns,
  rows,
  rowKey,
  sort,
  onSort,
  selected,
  detail,
}: DataTableProps<R>) {
  const t = useText()
  const [limit, setLimit] = useState(STEP)
  const sorted = useMemo(() => sortRows(rows, columns, sort), [rows, columns, sort])
  const left = sorted.length - limit
  return (
    <div className="table-scroll">
      <table className="data-table" aria-label={label}>
        <thead>
          <tr>
            {columns.map((column) => (
              <HeaderCell key={column.key} column={column} sort={sort} onSort={onSort} />
            ))}
          </tr>
        </thead>
        <tbody>
          {sorted.slice(0, limit).map((row) => (
            <Fragment key={rowKey(row)}>
              <tr data-selected={selected === rowKey(row) || undefined}>
                {columns.map((column) => (
                  <td key={column.key} data-label={column.header} className={cellClass(column)}>
                    {column.cell(row)}
                  </td>
                ))}
              </tr>
              {detail && selected === rowKey(row) && (
                <tr className="detail-row">
                  <td colSpan={columns.length}>{detail(row)}</td>
                </tr>
              )}
            </Fragment>
          ))}
        </tbody>
      </table>
      {left > 0 && (
        <p className="table-more">
          <Button size="xs" variant="default" onClick={() => setLimit(limit + STEP)}>
            {t('table.more', { n: Math.min(STEP, left) })}
          </Button>
          <span className="muted">{t('table.shown', { shown: limit, all: sorted.length })}</span>
        </p>
      )}
    </div>
  )
}

function cellClass<R>(column: Column<R>): string {
  return [column.numeric ? 'num' : '', column.wideOnly ? 'wide-only' : '', column.long ? 'long' : '']
    .filter(Boolean)
    .join(' ')
}

type HeaderProps<R> = { column: Column<R>; sort?: Sort; onSort?: (sort: Sort) => void }

function HeaderCell<R>({ column, sort, onSort }: HeaderProps<R>) {
  const t = useText()
  const active = sort?.key === column.key
  const direction = active ? (sort.descending ? 'descending' : 'ascending') : undefined
  if (!column.sort || !onSort) {
    return (
      <th scope="col" className={cellClass(column)}>
        {column.header}
      </th>
    )
  }
  const descending = active ? !sort.descending : Boolean(column.numeric)
  return (
    <th scope="col" className={cellClass(column)} aria-sort={direction}>
      <button
        type="button"
        title={t('table.sort', { column: column.header })}
        onClick={() => onSort({ key: column.key, descending })}
      >
        {column.header}
        <span aria-hidden="true">{active ? (sort.descending ? ' ↓' : ' ↑') : ''}</span>
      </button>
    </th>
  )
}
