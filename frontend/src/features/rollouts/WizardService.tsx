import { Select } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { queries } from '@/api/queries'
import { allows, useMe } from '@/api/session'
import type { Preflight, ServiceVersion } from '@/api/types'
import { type Column, DataTable } from '@/ui/DataTable'
import { formatRate, formatWeight } from '@/ui/format'
import { ToneMark } from '@/ui/Mark'
import { useText } from '@/ui/useText'
import type { StepProps, Wizard } from './useWizard'

/** Step 1: what is rolled out, whether its endpoints are healthy, and whether anything stands in the way. */
export function WizardService({ draft, set, errors, facts, wizard }: StepProps & { wizard: Wizard }) {
  const t = useText()
  const me = useMe().data
  const services = useQuery(queries.services()).data ?? []
  const allowed = services.filter(({ namespace }) => allows(me, 'traffic.write', namespace))
  const versions = facts.service?.versions ?? []
  const options = versions.map(({ name }) => name)
  return (
    <>
      {wizard.restored && (
        <p className="notice">
          {t('wizard.restored')}{' '}
          <button type="button" className="link-button" onClick={wizard.restart}>
            {t('wizard.restart')}
          </button>
        </p>
      )}
      <div className="form-row">
        <Select
          className="wizard-wide"
          label={t('table.service')}
          placeholder={t('wizard.service.choose')}
          value={draft.service || null}
          data={allowed.map(({ id }) => id)}
          searchable
          allowDeselect={false}
          nothingFoundMessage={t('palette.nothing')}
          error={draft.service ? errors.service : undefined}
          onChange={(id) => id && wizard.choose(id)}
        />
        {draft.service && (
          <>
            <Select
              label={t('rollout.role.canary')}
              value={draft.canary || null}
              data={options}
              allowDeselect={false}
              error={versions.length ? errors.canary : undefined}
              onChange={(canary) => canary && set({ canary })}
            />
            {options.length > 2 && (
              <Select
                label={t('rollout.role.stable')}
                value={draft.stable || null}
                data={options.filter((name) => name !== draft.canary)}
                allowDeselect={false}
                error={errors.stable}
                onChange={(stable) => stable && set({ stable })}
              />
            )}
          </>
        )}
      </div>
      {versions.length === 1 && <p className="notice notice-degraded">{t('wizard.oneVersion')}</p>}
      {versions.length > 0 && (
        <Versions versions={versions} canary={draft.canary} stable={draft.stable} rps={facts.rps} />
      )}
      {facts.preflight && <Checks checks={facts.preflight.checks} />}
    </>
  )
}

type VersionsProps = { versions: ServiceVersion[]; canary: string; stable: string; rps: number | null }

function Versions({ versions, canary, stable, rps }: VersionsProps) {
  const t = useText()
  const role = (name: string) =>
    name === canary ? t('rollout.role.canary') : name === stable ? t('rollout.role.stable') : ''
  const columns: Column<ServiceVersion>[] = [
    { key: 'name', header: t('table.version'), cell: (row) => <strong>{row.name}</strong> },
    { key: 'role', header: t('wizard.role'), cell: (row) => role(row.name) },
    { key: 'weight', header: t('rollout.weight'), cell: (row) => formatWeight(row.weight), numeric: true },
    {
      key: 'healthy',
      header: t('wizard.healthy'),
      cell: (row) => (
        <ToneMark
          tone={row.healthy === 0 ? 'failing' : row.healthy < row.instances ? 'degraded' : 'healthy'}
          label={t('service.healthyOf', { healthy: row.healthy, all: row.instances })}
        />
      ),
    },
    {
      key: 'rate',
      header: t('number.rate'),
      cell: (row) => formatRate(rps === null ? null : (rps * row.weight) / 100),
      numeric: true,
    },
  ]
  return (
    <DataTable label={t('service.versions')} columns={columns} rows={versions} rowKey={(row) => row.name} />
  )
}

function Checks({ checks }: { checks: Preflight['checks'] }) {
  const t = useText()
  return (
    <section aria-label={t('wizard.preflight')}>
      <h3 className="wizard-h3">{t('wizard.preflight')}</h3>
      <ul className="checks">
        {checks.map(({ name, ok, detail }) => (
          <li key={name}>
            <ToneMark tone={ok ? 'healthy' : 'failing'} label={name.replaceAll('_', ' ')} />
            <span className={ok ? 'muted' : 'text-failing'}>{detail}</span>
          </li>
        ))}
      </ul>
    </section>
  )
}
