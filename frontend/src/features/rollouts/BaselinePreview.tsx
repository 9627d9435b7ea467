import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { rolloutQueries } from '@/api/rollouts'
import { formatMs, formatShare } from '@/ui/format'
import { BlockSkeleton, EmptyState, Loaded } from '@/ui/States'
import { type ChartSeries, TimeChart } from '@/ui/TimeChart'
import { useText } from '@/ui/useText'

const SPAN_S = 900

type PreviewProps = { service: string; stable: string; canary: string; objectiveMs: number }

/** What the analysis would compare: the last quarter of an hour of each version, live. */
export function BaselinePreview({ service, stable, canary, objectiveMs }: PreviewProps) {
  const t = useText()
  const [from] = useState(() => Date.now() / 1000 - SPAN_S)
  const query = useQuery(rolloutQueries.series({ service, from, to: null, step: '10s', live: true }))
  return (
    <section aria-label={t('wizard.preview')}>
      <h3 className="wizard-h3">{t('wizard.preview')}</h3>
      <Loaded query={query} source={t('source.metrics')} skeleton={<BlockSkeleton height={132} />}>
        {({ times, by_version }) => {
          if (times.length === 0) return <EmptyState title={t('chart.empty')} next={t('chart.empty.next')} />
          const gaps = times.map(() => null)
          const series = (name: 'error_rate' | 'p95_ms' | 'p99_ms'): ChartSeries[] => [
            { label: stable, values: by_version[stable]?.[name] ?? gaps, color: '--muted' },
            { label: canary, values: by_version[canary]?.[name] ?? gaps, color: '--accent' },
          ]
          const objective: ChartSeries = {
            label: t('wizard.objective'),
            values: times.map(() => objectiveMs),
            color: '--failing',
            dashed: true,
          }
          return (
            <div className="preview-charts">
              <TimeChart
                label={t('number.errors')}
                times={times}
                series={series('error_rate')}
                least={0.01}
                format={formatShare}
              />
              <TimeChart
                label="p99"
                times={times}
                series={[...series('p99_ms'), objective]}
                format={formatMs}
              />
            </div>
          )
        }}
      </Loaded>
    </section>
  )
}
