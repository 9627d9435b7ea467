/** The rate of a service as a small line, with the steps in which requests failed marked below it. */
import { memo } from 'react'
import type { Sparklines } from '@/api/types'
import { formatRate, formatShare } from '@/ui/format'
import { useText } from '@/ui/useText'

type Line = Sparklines['services'][string]

const WIDTH = 120
const HEIGHT = 24
/** The band of the marks, below the line. */
const BAND = 4
/** The share of errors from which an edge is degraded. */
const BAD = 0.001

export const Sparkline = memo(function Sparkline({
  service,
  line,
}: {
  service: string
  line: Line | undefined
}) {
  const t = useText()
  if (!line) return null
  const most = (values: (number | null)[]) => Math.max(0, ...values.map((value) => value ?? 0))
  const label = t('services.sparkline.of', {
    service,
    now: formatRate(line.rps.findLast((value) => value !== null)),
    most: formatRate(most(line.rps)),
    errors: formatShare(most(line.error_rate)),
  })
  return (
    <svg className="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} width={WIDTH} height={HEIGHT} role="img">
      <title>{label}</title>
      <path className="sparkline-area" d={areaPath(line.rps)} />
      <path className="sparkline-rate" d={ratePath(line.rps)} />
      <path className="sparkline-errors" d={errorMarks(line.error_rate)} />
    </svg>
  )
})

const x = (step: number, steps: number) => ((step / Math.max(1, steps - 1)) * (WIDTH - 2) + 1).toFixed(1)

/** From zero to the highest rate; a step that nobody observed is a gap. */
export function ratePath(values: (number | null)[]): string {
  const top = Math.max(1e-9, ...values.map((value) => value ?? 0))
  const room = HEIGHT - BAND - 3
  let path = ''
  values.forEach((value, step) => {
    if (value === null) return
    const isNew = step === 0 || values[step - 1] === null
    path += `${isNew ? 'M' : 'L'}${x(step, values.length)} ${(1.5 + room * (1 - value / top)).toFixed(1)}`
  })
  return path
}

/** What is below the line. */
function areaPath(values: (number | null)[]): string {
  const known = values.flatMap((value, step) => (value === null ? [] : [step]))
  const [first, last] = [known[0], known.at(-1)]
  if (first === undefined || last === undefined) return ''
  const bottom = HEIGHT - BAND - 1
  const line = ratePath(values).replace(/(?!^)M/g, 'L')
  return `${line}L${x(last, values.length)} ${bottom}L${x(first, values.length)} ${bottom}z`
}

export function errorMarks(values: (number | null)[]): string {
  return values
    .map((value, step) =>
      value !== null && value >= BAD ? `M${x(step, values.length)} ${HEIGHT - BAND}v${BAND}` : '',
    )
    .join('')
}
