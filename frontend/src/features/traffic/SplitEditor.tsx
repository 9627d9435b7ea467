import './traffic.css'
import { ActionIcon, Button, NumberInput, Slider, Tooltip } from '@mantine/core'
import { IconLock, IconLockOpen } from '@tabler/icons-react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { body, client } from '@/api/client'
import { toFormErrors } from '@/api/problem'
import { queries, servicePath } from '@/api/queries'
import type { ServiceTraffic } from '@/api/types'
import { AckBar } from '@/ui/AckBar'
import { formatRate, formatWeight } from '@/ui/format'
import { BlockSkeleton, Loaded } from '@/ui/States'
import { useText } from '@/ui/useText'
import { Review } from './Review'
import { SplitBars } from './SplitBars'
import { even, setWeight, type WeightChange, type Weights, weightChanges } from './splitMath'

type SplitEditorProps = { service: string; traffic: ServiceTraffic | undefined; mayWrite: boolean }

/** The weights of a service: see desired beside observed; draft, review, apply and watch it arrive. */
export function SplitEditor({ service, traffic, mayWrite }: SplitEditorProps) {
  const t = useText()
  const query = useQuery(queries.split(service))
  return (
    <Loaded query={query} source={t('source.split', { service })} skeleton={<BlockSkeleton height={180} />}>
      {({ value, etag }) => (
        <Editor
          // A newer split, by whomever, starts a new draft.
          key={etag}
          service={service}
          current={value.weights}
          etag={etag}
          traffic={traffic}
          mayWrite={mayWrite}
        />
      )}
    </Loaded>
  )
}

type EditorProps = SplitEditorProps & { current: Weights; etag: string }

function Editor({ service, current, etag, traffic, mayWrite }: EditorProps) {
  const t = useText()
  const [draft, setDraft] = useState<Weights>(current)
  const [locks, setLocks] = useState<ReadonlySet<string>>(new Set())
  const [reviewing, setReviewing] = useState(false)
  const apply = useApplySplit(service, etag)
  const applied = useLastRevision(service)
  const changes = weightChanges(current, draft)
  const versions = Object.keys(current)
  const editable = mayWrite && versions.length > 1
  const { fields, form } = toFormErrors(
    apply.error,
    versions.map((version) => `weights.${version}`).concat('weights'),
  )

  const toggle = (version: string) => {
    const next = new Set(locks)
    if (!next.delete(version)) next.add(version)
    setLocks(next)
  }
  return (
    <div className="stack">
      <SplitBars desired={current} observed={traffic?.versions} />
      {versions.length < 2 && <p className="muted">{t('split.single')}</p>}
      {editable && (
        <div>
          {versions.map((version) => (
            <WeightRow
              key={version}
              version={version}
              weight={draft[version] ?? 0}
              locked={locks.has(version)}
              error={fields[`weights.${version}`]}
              onWeight={(value) => setDraft(setWeight(draft, locks, version, value))}
              onLock={() => toggle(version)}
            />
          ))}
          {!reviewing && (
            <div className="row">
              <Button size="xs" variant="default" onClick={() => setDraft(even(draft, locks))}>
                {t('split.even')}
              </Button>
              <Button
                size="xs"
                variant="default"
                disabled={changes.length === 0}
                onClick={() => setDraft(current)}
              >
                {t('action.reset')}
              </Button>
              <Button size="xs" disabled={changes.length === 0} onClick={() => setReviewing(true)}>
                {t('action.review')}
              </Button>
            </div>
          )}
        </div>
      )}
      {reviewing && (
        <Review
          service={service}
          traffic={traffic}
          error={form ?? fields.weights ?? null}
          busy={apply.isPending}
          applyLabel={applyLabel(service, changes, traffic, t)}
          onCancel={() => setReviewing(false)}
          onApply={(reason) => apply.mutate({ weights: draft, reason })}
        >
          <WeightDiff changes={changes} />
        </Review>
      )}
      {applied !== null && <AckBar revision={applied} />}
    </div>
  )
}

/** What the button does, with how much it touches. */
function applyLabel(
  service: string,
  changes: WeightChange[],
  traffic: ServiceTraffic | undefined,
  t: ReturnType<typeof useText>,
): string {
  const moved = changes.reduce((total, { before, after }) => total + Math.max(0, after - before), 0)
  const rps = (traffic?.in ?? []).reduce((total, edge) => total + edge.rps, 0)
  return t('split.apply', { service, share: formatWeight(moved), rate: formatRate((rps * moved) / 100) })
}

function WeightDiff({ changes }: { changes: WeightChange[] }) {
  return (
    <ul className="review-list">
      {changes.map(({ version, before, after }) => (
        <li key={version}>
          <div className="diff-line diff-removed">
            <span>−</span>
            <code>{`${version}: ${formatWeight(before)}`}</code>
          </div>
          <div className="diff-line diff-added">
            <span>+</span>
            <code>{`${version}: ${formatWeight(after)}`}</code>
          </div>
        </li>
      ))}
    </ul>
  )
}

type WeightRowProps = {
  version: string
  weight: number
  locked: boolean
  error: string | undefined
  onWeight: (value: number) => void
  onLock: () => void
}

function WeightRow({ version, weight, locked, error, onWeight, onLock }: WeightRowProps) {
  const t = useText()
  const lockLabel = locked ? t('split.unlock', { version }) : t('split.lock', { version })
  return (
    <div className="split-row">
      <span className="split-name">{version}</span>
      <Slider
        value={weight}
        onChange={onWeight}
        disabled={locked}
        label={null}
        thumbLabel={t('split.weightOf', { version })}
        marks={[{ value: 25 }, { value: 50 }, { value: 75 }]}
      />
      <NumberInput
        size="xs"
        value={weight}
        onChange={(value) => onWeight(Number(value))}
        min={0}
        max={100}
        suffix=" %"
        disabled={locked}
        error={error}
        aria-label={t('split.weightOf', { version })}
      />
      <Tooltip label={lockLabel}>
        <ActionIcon
          variant={locked ? 'light' : 'subtle'}
          color={locked ? 'indigo' : 'gray'}
          aria-label={lockLabel}
          aria-pressed={locked}
          onClick={onLock}
        >
          {locked ? <IconLock size={16} /> : <IconLockOpen size={16} />}
        </ActionIcon>
      </Tooltip>
    </div>
  )
}

function useApplySplit(service: string, etag: string) {
  const cache = useQueryClient()
  return useMutation({
    mutationFn: (draft: { weights: Weights; reason: string }) =>
      body(
        client.PUT('/api/v1/services/{ns}/{name}/split/', {
          params: { path: servicePath(service), header: { 'If-Match': etag } },
          body: draft,
        }),
      ),
    onSuccess: ({ revision }) => {
      rememberRevision(cache, service, revision)
      cache.invalidateQueries({ queryKey: ['service', service] })
    },
  })
}

type Cache = ReturnType<typeof useQueryClient>
const lastKey = (service: string) => ['last-split-revision', service]

/** Outlives the draft, which starts anew when the split has changed. */
function rememberRevision(cache: Cache, service: string, revision: number | null): void {
  if (revision !== null) cache.setQueryData(lastKey(service), revision)
}

function useLastRevision(service: string): number | null {
  return useQuery<number | null>({
    queryKey: lastKey(service),
    queryFn: () => null,
    staleTime: Number.POSITIVE_INFINITY,
    initialData: null,
  }).data
}
