/** The line of time: a slider over the steps, bars where something was wrong, and a mark for every change. */
import { Menu, Tooltip } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { type KeyboardEvent, type PointerEvent, useRef } from 'react'
import { formatAbsolute, formatClock } from '@/ui/format'
import { useText } from '@/ui/useText'
import { type Step, shareOf } from './timeline'
import type { ReplayControl } from './useReplay'

const FAR = 10

export function Scrubber({ control }: { control: ReplayControl }) {
  const t = useText()
  const track = useRef<HTMLDivElement>(null)
  const { steps, index, goTo, step } = control
  const shown = steps[index]

  const follow = (event: PointerEvent) => {
    const box = track.current?.getBoundingClientRect()
    if (!box || event.buttons !== 1) return
    const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width))
    const under = steps[Math.round(share * (steps.length - 1))]
    if (under && under !== shown) goTo(under.at)
  }
  const onKeyDown = (event: KeyboardEvent) => {
    const moves: Record<string, number> = {
      ArrowLeft: -1,
      ArrowDown: -1,
      ArrowRight: 1,
      ArrowUp: 1,
      PageDown: -FAR,
      PageUp: FAR,
      Home: -steps.length,
      End: steps.length,
    }
    const by = moves[event.key]
    if (by === undefined) return
    event.preventDefault()
    step(by)
  }
  const first = steps[0]
  const last = steps.at(-1)
  return (
    <div className="scrubber">
      <div
        ref={track}
        className="scrubber-track"
        role="slider"
        tabIndex={0}
        aria-label={t('topology.replay.moment')}
        aria-valuemin={0}
        aria-valuemax={Math.max(0, steps.length - 1)}
        aria-valuenow={Math.max(0, index)}
        aria-valuetext={shown && `${formatAbsolute(isoOf(shown))}: ${stateOf(shown, t)}`}
        onKeyDown={onKeyDown}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId)
          follow(event)
        }}
        onPointerMove={follow}
      >
        <Bars steps={steps} />
        {shown && <span className="scrubber-thumb" style={{ left: percent(shareOf(steps, index)) }} />}
      </div>
      <Marks steps={steps} />
      <div className="scrubber-ends">
        <span>{first && formatClock(isoOf(first))}</span>
        <span>{shown && stateOf(shown, t)}</span>
        <span>{last && formatClock(isoOf(last))}</span>
      </div>
    </div>
  )
}

const isoOf = ({ at }: Step) => new Date(at * 1000).toISOString()
const percent = (share: number) => `${share * 100}%`

function stateOf({ observed, failing, degraded }: Step, t: ReturnType<typeof useText>): string {
  return observed ? t('topology.replay.step', { failing, degraded }) : t('topology.replay.unobserved')
}

/** One drawing for all bars: red and high where an edge failed, amber and half as high where one was degraded. */
function Bars({ steps }: { steps: Step[] }) {
  const path = (test: (step: Step) => boolean, height: number) =>
    steps.map((step, index) => (test(step) ? `M${index} 20h1v${-height}h-1z` : '')).join('')
  return (
    <svg
      className="scrubber-bars"
      viewBox={`-0.5 0 ${Math.max(1, steps.length)} 20`}
      preserveAspectRatio="none"
      aria-hidden="true"
      transform="translate(0)"
    >
      <path className="bar-quiet" d={path(({ observed }) => observed, 3)} transform="translate(-.5)" />
      <path
        className="bar-degraded"
        d={path(({ failing, degraded }) => failing === 0 && degraded > 0, 10)}
        transform="translate(-.5)"
      />
      <path className="bar-failing" d={path(({ failing }) => failing > 0, 18)} transform="translate(-.5)" />
    </svg>
  )
}

/** Changes on the line; those of one step share a mark. */
function Marks({ steps }: { steps: Step[] }) {
  const t = useText()
  const told = (change: Step['changes'][number]) =>
    t('topology.replay.change', {
      id: change.id,
      actor: change.actor,
      summary: change.summary || change.action,
    })
  return (
    <nav className="scrubber-marks" aria-label={t('topology.replay.changes')}>
      {steps.map((step, index) => {
        const [only] = step.changes
        if (!only) return null
        const style = { left: percent(shareOf(steps, index)) }
        if (step.changes.length === 1) {
          return (
            <Tooltip key={step.at} label={told(only)} multiline maw={320}>
              <Link
                to="/changes/$id"
                params={{ id: String(only.id) }}
                className="scrubber-mark"
                style={style}
                aria-label={told(only)}
              />
            </Tooltip>
          )
        }
        return (
          <Menu key={step.at} position="top" transitionProps={{ duration: 0 }}>
            <Menu.Target>
              <button
                type="button"
                className="scrubber-mark"
                style={style}
                aria-label={`${step.changes.length}: ${step.changes.map(told).join('; ')}`}
              >
                {step.changes.length}
              </button>
            </Menu.Target>
            <Menu.Dropdown>
              {step.changes.map((change) => (
                <Menu.Item
                  key={change.id}
                  renderRoot={(props) => (
                    <Link to="/changes/$id" params={{ id: String(change.id) }} {...props} />
                  )}
                >
                  {told(change)}
                </Menu.Item>
              ))}
            </Menu.Dropdown>
          </Menu>
        )
      })}
    </nav>
  )
}
