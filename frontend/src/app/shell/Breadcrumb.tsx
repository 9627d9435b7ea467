import { Link, useRouterState } from '@tanstack/react-router'
import { useText } from '@/ui/useText'
import { PAGES, PAGES_BELOW } from './pages'

/** The page of the rail, and what of it is shown. */
export function Breadcrumb() {
  const t = useText()
  const path = useRouterState({ select: (state) => state.location.pathname })
  const page = PAGES.find(({ to }) => to === `/${path.split('/')[1]}`)
  const below = PAGES_BELOW.find(([start]) => path === start || path.startsWith(`${start}/`))
  const name =
    page &&
    path
      .slice((below?.[0] ?? page.to).length)
      .split('/')
      .filter(Boolean)
  const leaf = [below ? t(below[1]) : '', name?.map(decodeURIComponent).join('/')].filter(Boolean)
  return (
    <nav className="breadcrumb" aria-label={t('shell.breadcrumb')}>
      {page && (leaf.length ? <Link to={page.to}>{t(page.text)}</Link> : <span>{t(page.text)}</span>)}
      {leaf.length > 0 && (
        <>
          <span className="muted">/</span>
          <span className="breadcrumb-leaf">{leaf.join(' / ')}</span>
        </>
      )}
    </nav>
  )
}
