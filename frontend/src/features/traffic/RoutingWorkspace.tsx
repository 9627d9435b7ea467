/** All traffic rules of one service, where they are read, drafted, tried, reviewed and applied. */
import './traffic.css'
import './routing.css'
import './views.css'
import { SegmentedControl } from '@mantine/core'
import { lazy, type ReactNode, Suspense } from 'react'
import { useMay } from '@/api/session'
import type { Service, ServiceTraffic } from '@/api/types'
import { addEnglish } from '@/text'
import { trafficEn } from '@/text/traffic.en'
import { FaultsProvider } from '@/ui/fields'
import { BlockSkeleton, Loaded } from '@/ui/States'
import { useText } from '@/ui/useText'
import { useUrlState } from '@/ui/useUrlState'
import { AppliedBar } from './AppliedBar'
import { DraftBar } from './DraftBar'
import { ExportRules, ImportRules } from './Interchange'
import { LimitsEditor } from './LimitsEditor'
import { ResilienceEditor } from './ResilienceEditor'
import { ReviewRules } from './ReviewRules'
import { RoutesEditor } from './RoutesEditor'
import { TryRequest } from './TryRequest'
import { type Desired, useDesired, useDrafting } from './useRules'
import { useValidation } from './useValidation'

addEnglish(trafficEn)

const YamlEditor = lazy(() => import('./YamlEditor'))
const DEFAULTS = { view: 'rules' }
const VIEWS = ['rules', 'yaml', 'try', 'exchange'] as const
type View = (typeof VIEWS)[number]

type WorkspaceProps = {
  service: Service
  traffic: ServiceTraffic | undefined
  /** Whether a rollout has the routes and the split in hand. */
  owned: boolean
}

export default function RoutingWorkspace({ service, traffic, owned }: WorkspaceProps) {
  const t = useText()
  const query = useDesired(service.id)
  return (
    <Loaded
      query={query}
      source={t('source.rules', { service: service.id })}
      skeleton={<BlockSkeleton height={320} />}
    >
      {(desired) => <Workspace service={service} traffic={traffic} owned={owned} desired={desired} />}
    </Loaded>
  )
}

function Workspace({ service, traffic, owned, desired }: WorkspaceProps & { desired: Desired }) {
  const t = useText()
  const [{ view }, set] = useUrlState(DEFAULTS)
  const mayWrite = useMay('traffic.write', service.namespace)
  const drafting = useDrafting(service.id, desired)
  const validity = useValidation(drafting)
  const versions = service.versions.map(({ name }) => name)
  const dirty = Object.keys(drafting.changed).length > 0
  const panels: Record<View, ReactNode> = {
    rules: (
      <>
        <AppliedBar service={service.id} mayWrite={mayWrite} />
        <RoutesEditor drafting={drafting} versions={versions} mayWrite={mayWrite && !owned} />
        <LimitsEditor drafting={drafting} mayWrite={mayWrite} />
        <ResilienceEditor drafting={drafting} mayWrite={mayWrite} tcp={service.protocol === 'tcp'} />
      </>
    ),
    yaml: (
      <Suspense fallback={<BlockSkeleton height={320} />}>
        <YamlEditor drafting={drafting} faults={validity.faults} mayWrite={mayWrite && !owned} />
      </Suspense>
    ),
    try: <TryRequest service={service.id} />,
    exchange: (
      <>
        {mayWrite && !owned && <ImportRules namespace={service.namespace} />}
        <ExportRules service={service.id} />
      </>
    ),
  }
  if (view === 'review' && dirty) {
    return (
      <ReviewRules
        drafting={drafting}
        validity={validity}
        traffic={traffic}
        onCancel={() => set({ view: 'rules' })}
        onApplied={() => set({ view: 'rules' })}
      />
    )
  }
  const shown = VIEWS.find((each) => each === view) ?? 'rules'
  return (
    <FaultsProvider value={validity.faults}>
      <div className="stack">
        <SegmentedControl
          size="xs"
          className="segments"
          value={shown}
          aria-label={t('routing.views')}
          data={VIEWS.map((value) => ({ value, label: t(`routing.view.${value}`) }))}
          onChange={(next) => set({ view: next })}
        />
        {panels[shown]}
        {mayWrite && (
          <DraftBar
            drafting={drafting}
            validity={validity}
            onReview={() => set({ view: 'review' })}
            onTry={shown === 'try' ? undefined : () => set({ view: 'try' })}
          />
        )}
      </div>
    </FaultsProvider>
  )
}
