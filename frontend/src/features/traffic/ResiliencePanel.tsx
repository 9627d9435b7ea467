import { NumberInput } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { body, client } from '@/api/client'
import { queries, servicePath } from '@/api/queries'
import type { ResilienceView } from '@/api/types'
import { AckBar } from '@/ui/AckBar'
import { FormDialog } from '@/ui/FormDialog'
import { formatMs } from '@/ui/format'
import { Facts, Panel } from '@/ui/Panel'
import { BlockSkeleton, Loaded } from '@/ui/States'
import { useText } from '@/ui/useText'

const LONGEST_MS = 86_400_000

/** How callers of a service behave when it does not answer. */
export function ResiliencePanel({ service, mayWrite }: { service: string; mayWrite: boolean }) {
  const t = useText()
  const query = useQuery(queries.resilience(service))
  const [applied, setApplied] = useState<number | null>(null)
  const { value, etag } = query.data ?? {}
  const edit = mayWrite && value && etag !== undefined && (
    <EditResilience service={service} current={value} etag={etag} onDone={setApplied} />
  )
  return (
    <Panel title={t('resilience.title')} aside={edit}>
      <Loaded
        query={query}
        source={t('source.resilience', { service })}
        skeleton={<BlockSkeleton height={40} />}
      >
        {({ value: shown }) => (
          <Facts
            items={[
              [t('resilience.connect'), formatMs(shown.connect_timeout_ms)],
              [t('resilience.balancer'), shown.balancer.policy],
              [t('resilience.outlier'), t(shown.outlier ? 'resilience.on' : 'resilience.off')],
              [t('resilience.check'), t(shown.health_check ? 'resilience.on' : 'resilience.off')],
            ]}
          />
        )}
      </Loaded>
      {applied !== null && <AckBar revision={applied} />}
    </Panel>
  )
}

type EditProps = {
  service: string
  current: ResilienceView
  etag: string
  onDone: (revision: number | null) => void
}

function EditResilience({ service, current, etag, onDone }: EditProps) {
  const t = useText()
  const cache = useQueryClient()
  const { version: _, ...settings } = current
  const [ms, setMs] = useState(settings.connect_timeout_ms)
  return (
    <FormDialog
      label={t('action.edit')}
      title={t('resilience.edit', { service })}
      submit={t('resilience.apply', { service })}
      ready={ms >= 1 && ms !== settings.connect_timeout_ms}
      fields={['connect_timeout_ms']}
      onOpen={() => setMs(settings.connect_timeout_ms)}
      apply={(reason) =>
        body(
          client.PUT('/api/v1/services/{ns}/{name}/resilience/', {
            params: { path: servicePath(service), header: { 'If-Match': etag } },
            body: { ...settings, connect_timeout_ms: ms, reason }, // set whole: what is not shown here stays
          }),
        )
      }
      onDone={({ revision }) => {
        onDone(revision)
        cache.invalidateQueries({ queryKey: queries.resilience(service).queryKey })
      }}
    >
      {(errors) => (
        <NumberInput
          label={t('resilience.connect')}
          description={t('resilience.connect.hint')}
          value={ms}
          error={errors.connect_timeout_ms}
          min={1}
          max={LONGEST_MS}
          allowDecimal={false}
          suffix=" ms"
          data-autofocus
          onChange={(value) => setMs(Number(value))}
        />
      )}
    </FormDialog>
  )
}
