/** What proxies log, and whether it is collected. Every proxy follows a change within a second. */
import './texts'
import { Checkbox, NumberInput, Radio, Stack } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { type LoggingValue, logQueries, writeLogging } from '@/api/logs'
import { useMay } from '@/api/session'
import type { Logging } from '@/api/types'
import type { Translate } from '@/text'
import { FormDialog } from '@/ui/FormDialog'
import { formatCount } from '@/ui/format'
import { ToneMark } from '@/ui/Mark'
import { Facts, Panel } from '@/ui/Panel'
import { Loaded } from '@/ui/States'
import { useText } from '@/ui/useText'

const MODES = ['off', 'errors', 'all'] as const

export default function LoggingSettings() {
  const t = useText()
  const query = useQuery(logQueries.settings())
  return (
    <Panel title={t('logging.title')} aside={query.data && <EditLogging {...query.data} />}>
      <Loaded query={query} source={t('logging.source')}>
        {({ value }) => (
          <div className="stack">
            <ToneMark tone={value.mode === 'off' ? 'unknown' : 'healthy'} label={loggingSentence(value, t)} />
            {value.mode !== 'off' && (
              <Facts
                items={[
                  [t('logging.kept'), t(value.collected ? 'logging.collected.yes' : 'logging.collected.no')],
                ]}
              />
            )}
            <p className="muted">{t('logging.mode.hint')}</p>
          </div>
        )}
      </Loaded>
    </Panel>
  )
}

export function loggingSentence({ mode, percent }: LoggingValue, t: Translate): string {
  if (mode !== 'all') return t(`logging.said.${mode}`)
  return percent === 100 ? t('logging.said.every') : t('logging.said.all', { percent: formatCount(percent) })
}

/** With `start` the dialog begins with that, and its button says so. */
type EditProps = { value: Logging; etag: string; start?: LoggingValue }

export function EditLogging({ value: standing, etag, start }: EditProps) {
  const t = useText()
  const cache = useQueryClient()
  const mayWrite = useMay('traffic.write')
  const [{ mode, percent, collected }, setValue] = useState<LoggingValue>(start ?? standing)
  const change = (patch: Partial<LoggingValue>) => setValue({ mode, percent, collected, ...patch })
  return (
    <FormDialog
      label={t(labelOf(standing, start))}
      title={t('logging.edit')}
      submit={t('action.save')}
      primary={start !== undefined}
      compact={start === undefined}
      blocked={mayWrite ? undefined : t('logging.blocked')}
      fields={['percent']}
      onOpen={() => setValue(start ?? standing)}
      apply={(reason) =>
        writeLogging({ mode, collected, percent: mode === 'all' ? percent : 0 }, etag, reason)
      }
      onDone={() => cache.invalidateQueries({ queryKey: logQueries.settings().queryKey.slice(0, 1) })}
    >
      {(faults) => (
        <>
          <Radio.Group
            label={t('logging.mode')}
            description={t('logging.mode.hint')}
            value={mode}
            onChange={(next) => change({ mode: next as LoggingValue['mode'], percent: percent || 100 })}
          >
            <Stack gap={8} mt={8}>
              {MODES.map((each) => (
                <Radio key={each} value={each} label={t(`logging.mode.${each}`)} />
              ))}
            </Stack>
          </Radio.Group>
          {mode === 'all' && (
            <NumberInput
              label={t('logging.percent')}
              value={percent}
              error={faults.percent}
              min={0}
              max={100}
              suffix=" %"
              onChange={(next) => change({ percent: Number(next) })}
            />
          )}
          {mode !== 'off' && (
            <Checkbox
              label={t('logging.collected')}
              description={t('logging.collected.hint')}
              checked={collected}
              onChange={(event) => change({ collected: event.currentTarget.checked })}
            />
          )}
        </>
      )}
    </FormDialog>
  )
}

function labelOf(standing: Logging, start: LoggingValue | undefined) {
  if (!start) return 'action.edit'
  return standing.mode === 'off' ? 'logging.on' : 'logging.collect'
}
