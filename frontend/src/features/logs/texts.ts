/** Import this for its effect wherever a component of logs is an entry of its own. */
import { addEnglish } from '@/text'
import { decisionsEn } from '@/text/decisions.en'
import { logsEn } from '@/text/logs.en'

addEnglish(decisionsEn)
addEnglish(logsEn)
