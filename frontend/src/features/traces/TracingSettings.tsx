/** How much is traced, and where traces are found elsewhere. Every proxy follows a change within a second. */
import './texts'
import './traces.css'
import { Checkbox, NumberInput, Switch, TextInput } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useMay } from '@/api/session'
import { type TracingValue, traceQueries, writeTracing } from '@/api/traces'
import type { Tracing } from '@/api/types'
import { FormDialog } from '@/ui/FormDialog'
import { formatCount, NONE } from '@/ui/format'
import { ToneMark } from '@/ui/Mark'
import { Facts, Panel } from '@/ui/Panel'
import { Loaded } from '@/ui/States'
import { useText } from '@/ui/useText'

export default function TracingSettings() {
  const t = useText()
  const query = useQuery(traceQueries.settings())
  return (
    <Panel title={t('tracing.title')} aside={query.data && <Edit {...query.data} />}>
      <Loaded query={query} source={t('tracing.source')}>
        {({ value }) => (
          <div className="stack">
            <ToneMark tone={value.enabled ? 'healthy' : 'unknown'} label={sentence(value, t)} />
            <Facts
              items={[
                [t('tracing.percent'), value.enabled ? `${formatCount(value.percent)} %` : NONE],
                [t('tracing.errors'), t(value.enabled && value.errors ? 'answer.yes' : 'answer.no')],
                [t('tracing.link'), value.link ? <code key="l">{value.link}</code> : NONE],
              ]}
            />
            <p className="muted">{t('tracing.hint')}</p>
          </div>
        )}
      </Loaded>
    </Panel>
  )
}

function sentence({ enabled, percent, errors }: Tracing, t: ReturnType<typeof useText>): string {
  if (!enabled) return t('tracing.off')
  const share = formatCount(percent)
  return t(errors && percent < 100 ? 'tracing.on.errors' : 'tracing.on', { share })
}

function Edit({ value: standing, etag }: { value: Tracing; etag: string }) {
  const t = useText()
  const cache = useQueryClient()
  const mayWrite = useMay('traffic.write')
  const [value, setValue] = useState<TracingValue>(standing)
  const { enabled, percent, errors, link } = value
  const change = (patch: Partial<TracingValue>) => setValue({ enabled, percent, errors, link, ...patch })
  return (
    <FormDialog
      label={t('action.edit')}
      title={t('tracing.edit')}
      submit={t('action.save')}
      compact
      blocked={mayWrite ? undefined : t('tracing.blocked')}
      fields={['percent', 'link']}
      onOpen={() => setValue(standing)}
      apply={(reason) => writeTracing({ enabled, percent, errors, link }, etag, reason)}
      onDone={() => cache.invalidateQueries({ queryKey: traceQueries.settings().queryKey })}
    >
      {(faults) => (
        <>
          <Switch
            label={t('tracing.enabled')}
            checked={enabled}
            onChange={(event) => change({ enabled: event.currentTarget.checked })}
          />
          <NumberInput
            label={t('tracing.percent')}
            description={t('tracing.percent.hint')}
            value={percent}
            error={faults.percent}
            min={0}
            max={100}
            suffix=" %"
            disabled={!enabled}
            onChange={(next) => change({ percent: Number(next) })}
          />
          <Checkbox
            label={t('tracing.errors')}
            description={t('tracing.errors.hint')}
            checked={errors}
            disabled={!enabled}
            onChange={(event) => change({ errors: event.currentTarget.checked })}
          />
          <TextInput
            label={t('tracing.link')}
            description={t('tracing.link.hint')}
            placeholder="https://jaeger.example.com/trace/{trace_id}"
            value={link}
            error={faults.link}
            spellCheck={false}
            onChange={(event) => change({ link: event.currentTarget.value.trim() })}
          />
        </>
      )}
    </FormDialog>
  )
}
