/** Import this for its effect wherever a component of traces is an entry of its own. */
import { addEnglish } from '@/text'
import { decisionsEn } from '@/text/decisions.en'
import { tracesEn } from '@/text/traces.en'

addEnglish(decisionsEn)
addEnglish(tracesEn)
