/** The way through the past: play, a scrubber with what was wrong and what changed, and back to live. */
import { ActionIcon, Button, Select, TextInput } from '@mantine/core'
import {
  IconPlayerPause,
  IconPlayerPlay,
  IconPlayerSkipBack,
  IconPlayerSkipForward,
} from '@tabler/icons-react'
import { formatAbsolute, formatRelative } from '@/ui/format'
import { ErrorState } from '@/ui/States'
import { useNow } from '@/ui/useNow'
import { useText } from '@/ui/useText'
import { Scrubber } from './Scrubber'
import { SPANS, type Span } from './timeline'
import { type ReplayControl, SPEEDS } from './useReplay'

const iso = (at: number) => new Date(at * 1000).toISOString()

/** Says plainly that what is shown is past. */
export function PastBanner({ control, window }: { control: ReplayControl; window: string }) {
  const t = useText()
  const now = useNow(5000)
  const at = iso(control.at)
  return (
    <p className="past-banner" role="status">
      <strong>{t('topology.replay.past')}</strong>
      <span>{t('topology.replay.at', { time: formatAbsolute(at), ago: formatRelative(at, now) })}</span>
      <span className="muted">{t('topology.replay.window', { window })}</span>
      <Button size="compact-xs" onClick={control.leave}>
        {t('topology.replay.live')}
      </Button>
    </p>
  )
}

export function ReplayBar({ control }: { control: ReplayControl }) {
  const t = useText()
  const { playing, speed, steps, span, error } = control
  const buttons = [
    { label: t('topology.replay.back'), icon: IconPlayerSkipBack, run: () => control.step(-1) },
    {
      label: playing ? t('topology.replay.pause') : t('topology.replay.play'),
      icon: playing ? IconPlayerPause : IconPlayerPlay,
      run: () => control.setPlaying(!playing),
    },
    { label: t('topology.replay.forward'), icon: IconPlayerSkipForward, run: () => control.step(1) },
  ]
  return (
    <section className="replay-bar" aria-label={t('topology.replay')}>
      {error ? <ErrorState source={t('topology.replay.source')} error={error} /> : null}
      <div className="replay-buttons">
        {buttons.map(({ label, icon: Icon, run }) => (
          <ActionIcon
            key={label}
            variant="default"
            size={28}
            aria-label={label}
            title={label}
            disabled={steps.length === 0}
            onClick={run}
          >
            <Icon size={14} />
          </ActionIcon>
        ))}
        <Select
          size="xs"
          w={84}
          aria-label={t('topology.replay.speed')}
          value={String(speed)}
          allowDeselect={false}
          onChange={(chosen) => control.setSpeed(Number(chosen))}
          data={SPEEDS.map((each) => ({
            value: String(each),
            label: t('topology.replay.speed.of', { n: each * (control.stepSeconds || 10) }),
          }))}
        />
      </div>
      <Scrubber control={control} />
      <div className="replay-buttons">
        <Select
          size="xs"
          w={116}
          aria-label={t('topology.replay.span')}
          value={span}
          allowDeselect={false}
          onChange={(chosen) => control.setSpan(chosen as Span)}
          data={(Object.keys(SPANS) as Span[]).map((value) => ({
            value,
            label: t(`topology.replay.span.${value}`),
          }))}
        />
        <TextInput
          size="xs"
          type="datetime-local"
          step={1}
          aria-label={t('topology.replay.goto')}
          value={localInput(control.at)}
          max={localInput(Date.now() / 1000)}
          onChange={({ currentTarget }) => {
            const wanted = new Date(currentTarget.value).getTime() / 1000
            if (Number.isFinite(wanted) && wanted > 0) control.goTo(Math.min(wanted, Date.now() / 1000))
          }}
        />
      </div>
    </section>
  )
}

/** As the field for a moment wants it: local time without a zone. */
function localInput(at: number): string {
  const moment = new Date(at * 1000)
  const local = new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000)
  return local.toISOString().slice(0, 19)
}
