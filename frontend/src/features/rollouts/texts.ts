/** Import this for its effect wherever a component of rollouts is an entry of its own. */
import { addEnglish } from '@/text'
import { rolloutsEn } from '@/text/rollouts.en'

addEnglish(rolloutsEn)
