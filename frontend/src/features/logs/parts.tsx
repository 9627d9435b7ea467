/** Pieces of lines that the log and taps share. */
import type { LogLine } from '@/api/types'
import type { Column } from '@/ui/DataTable'
import { flagWords, ruleWords } from '@/ui/decisionWords'
import { formatMs } from '@/ui/format'
import { ToneMark } from '@/ui/Mark'
import { useText } from '@/ui/useText'

/** To the millisecond: lines of one second are told apart. */
export function clockOf(iso: string): string {
  const at = new Date(iso)
  const clock = at.toLocaleTimeString([], { hourCycle: 'h23' })
  return `${clock}.${String(at.getMilliseconds()).padStart(3, '0')}`
}

/** A side of a request. Empty is a service that one may not view. */
export function Side({ service, version }: { service: string; version: string }) {
  const t = useText()
  if (service === '') return <em className="muted">{t('logs.hidden')}</em>
  if (service === 'unknown') return <em className="muted">{t('logs.outside')}</em>
  return (
    <>
      {service}
      {version && <span className="muted"> {version}</span>}
    </>
  )
}

/** The status and why: what failed has a mark, a refusal of the mesh its flags. */
export function Answer({ line }: { line: LogLine }) {
  const t = useText()
  const code = line.code === null ? t('logs.unanswered') : String(line.code)
  const why = [...line.flags.map((flag) => flagWords(flag, t)), line.rule && ruleWords(line.rule, t)]
  const label = [code, ...line.flags].join(' ')
  const tone = line.error ? 'failing' : line.flags.length > 0 ? 'degraded' : null
  return (
    <span title={why.filter(Boolean).join(' · ') || undefined}>
      {tone ? <ToneMark tone={tone} label={label} /> : label}
    </span>
  )
}

type Lined = { line: LogLine; key: string }
type Texts = ReturnType<typeof useText>

/** The columns of one request to a row; `opener` makes the first cell open the details. */
export function lineColumns<R>(
  t: Texts,
  lineOf: (row: R) => Lined,
  open: string,
  onOpen: (key: string) => void,
): Column<R>[] {
  return [
    {
      key: 'at',
      header: t('logs.at'),
      cell: (row) => {
        const { line, key } = lineOf(row)
        return (
          <button
            type="button"
            className="link-button logs-at"
            aria-expanded={open === key}
            title={t('logs.open')}
            onClick={() => onOpen(open === key ? '' : key)}
          >
            {clockOf(line.at)}
          </button>
        )
      },
    },
    {
      key: 'who',
      header: t('log.who'),
      cell: (row) => {
        const { line } = lineOf(row)
        return (
          <span className="logs-who">
            <Side service={line.source} version={line.source_version} /> →{' '}
            <Side service={line.destination} version={line.destination_version} />
          </span>
        )
      },
      long: true,
    },
    {
      key: 'request',
      header: t('logs.request'),
      cell: (row) => <RequestText line={lineOf(row).line} />,
      long: true,
    },
    { key: 'answer', header: t('logs.answer'), cell: (row) => <Answer line={lineOf(row).line} /> },
    {
      key: 'duration',
      header: t('logs.duration'),
      cell: (row) => formatMs(lineOf(row).line.duration_ms),
      numeric: true,
    },
    {
      key: 'side',
      header: t('logs.side'),
      cell: (row) => <span className="muted">{t(`logs.side.${lineOf(row).line.reporter}`)}</span>,
      wideOnly: true,
    },
  ]
}

function RequestText({ line: { method, path, protocol } }: { line: LogLine }) {
  if (!method) return <code>{protocol}</code>
  return (
    <code className="logs-request">
      <strong>{method}</strong> {path}
    </code>
  )
}
