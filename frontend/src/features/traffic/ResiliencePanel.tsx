import { NumberInput } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { body, client } from '@/api/client'
import { queries, servicePath } from '@/api/queries'
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
    <EditResilience service={service} current={value.connect_timeout_ms} etag={etag} onDone={setApplied} />
  )
  return (
    <Panel title={t('resilience.title')} aside={edit}>
      <Loaded
        query={query}
        source={t('source.resilience', { service })}
        skeleton={<BlockSkeleton height={40} />}
      >
        {({ value: shown }) => (
          <Facts items={[[t('resilience.connect'), formatMs(shown.connect_timeout_ms)]]} />
        )}
      </Loaded>
      {applied !== null && <AckBar revision={applied} />}
    </Panel>
  )
}

type EditProps = { service: string; current: number; etag: string; onDone: (revision: number | null) => void }

function EditResilience({ service, current, etag, onDone }: EditProps) {
  const t = useText()
  const cache = useQueryClient()
  const [ms, setMs] = useState(current)
  return (
    <FormDialog
      label={t('action.edit')}
      title={t('resilience.edit', { service })}
      submit={t('resilience.apply', { service })}
      ready={ms >= 1 && ms !== current}
      fields={['connect_timeout_ms']}
      onOpen={() => setMs(current)}
      apply={(reason) =>
        body(
          client.PUT('/api/v1/services/{ns}/{name}/resilience/', {
            params: { path: servicePath(service), header: { 'If-Match': etag } },
            body: { connect_timeout_ms: ms, reason },
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
