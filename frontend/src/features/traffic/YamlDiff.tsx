import { LinesDiff } from '@/ui/LinesDiff'
import type { Rules } from './draft/rules'
import { toYaml } from './draft/yaml'

/** What changes of the rules, as YAML, with some lines around. */
export default function YamlDiff({ before, after }: { before: Partial<Rules>; after: Partial<Rules> }) {
  return <LinesDiff before={yamlLines(before)} after={yamlLines(after)} context={3} />
}

const yamlLines = (rules: Partial<Rules>) => toYaml(rules).trimEnd().split('\n')
