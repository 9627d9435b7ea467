/** Import this for its effect wherever a component of the topology is an entry of its own. */
import { addEnglish } from '@/text'
import { topologyEn } from '@/text/topology.en'

addEnglish(topologyEn)
