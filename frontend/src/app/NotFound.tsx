import { Link } from '@tanstack/react-router'
import { PageBody, PageHead } from '@/ui/Panel'
import { useText } from '@/ui/useText'

export function NotFound() {
  const t = useText()
  return (
    <PageBody>
      <PageHead sentence={t('notFound.title')} detail={<Link to="/">{t('notFound.back')}</Link>} />
    </PageBody>
  )
}
