/** What nodes are called on the page. */
import type { SceneNode } from '@/graph/scene'
import type { Translate } from '@/text'

/** As it stands under a drawn node, on one line or two. */
export function nodeName(node: SceneNode, t: Translate): string {
  const { kind, name, version, instance } = node
  if (kind === 'unknown' || kind === 'external') return t(`topology.${kind}`)
  if (kind === 'namespace') return `${name}\n${t('topology.namespace.members', { n: node.members ?? 0 })}`
  if (instance) return `${name}\n${shortened(instance)}`
  return version ? `${name}\n${version}` : name
}

/** Ids of proxies are random: their beginning tells them apart, the whole stands in the panel. */
function shortened(id: string): string {
  return id.length > 12 ? `${id.slice(0, 10)}…` : id
}
