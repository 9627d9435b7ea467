import '@mantine/spotlight/styles.css'
import { Spotlight, type SpotlightActionData, spotlight } from '@mantine/spotlight'
import { IconCube, IconRouter, IconSearch, IconTestPipe } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { type KeyboardEvent, useEffect } from 'react'
import { queries } from '@/api/queries'
import { useText } from '@/ui/useText'
import { PAGES } from './pages'

/** Enter goes to the first hit when none is chosen: hits that came after the typing are not. */
function takeFirst({ key, currentTarget }: KeyboardEvent<HTMLElement>): void {
  const palette = currentTarget.closest('[role="dialog"]')
  if (key !== 'Enter' || palette?.querySelector('[data-selected]')) return
  palette?.querySelector<HTMLElement>('[data-action]')?.click()
}

/** Go anywhere by typing: pages, services, proxies. Opens once per request. */
export default function Palette({ requests }: { requests: number }) {
  const t = useText()
  const navigate = useNavigate()
  const services = useQuery(queries.services())
  const proxies = useQuery(queries.proxies())
  // Together: what came first would stay chosen above a better hit that comes later.
  const known = !services.isPending && !proxies.isPending
  // biome-ignore lint/correctness/useExhaustiveDependencies: each request opens it again
  useEffect(() => spotlight.open(), [requests])

  const pages: SpotlightActionData[] = PAGES.map(({ to, text, icon: Icon }) => ({
    id: to,
    label: t(text),
    leftSection: <Icon size={16} />,
    onClick: () => navigate({ to }),
  }))
  const tryRequest: SpotlightActionData = {
    id: 'try',
    label: t('palette.try'),
    leftSection: <IconTestPipe size={16} />,
    onClick: () => navigate({ to: '/routing/try' }),
  }
  const found: SpotlightActionData[] = [
    ...(services.data ?? []).map(({ id, namespace, name }) => ({
      id: `service:${id}`,
      label: id,
      description: t('palette.service'),
      leftSection: <IconCube size={16} />,
      onClick: () => navigate({ to: '/services/$namespace/$name', params: { namespace, name } }),
    })),
    ...(proxies.data ?? []).map(({ id, name, service }) => ({
      id: `proxy:${id}`,
      label: name,
      description: t('palette.proxy', { service }),
      leftSection: <IconRouter size={16} />,
      onClick: () => navigate({ to: '/proxies/$id', params: { id } }),
    })),
  ]
  return (
    <Spotlight
      actions={[...pages, tryRequest, ...(known ? found : [])]}
      shortcut={null}
      title={t('shell.search')}
      classNames={{ header: 'visually-hidden' }}
      limit={12}
      highlightQuery
      lockScroll={false}
      transitionProps={{ duration: 0 }}
      nothingFound={t('palette.nothing')}
      searchProps={{
        leftSection: <IconSearch size={16} />,
        placeholder: t('palette.placeholder'),
        'aria-label': t('palette.placeholder'),
        onKeyDown: takeFirst,
      }}
    />
  )
}
