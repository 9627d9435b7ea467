/** Import this for its effect wherever a component of services is an entry of its own. */
import { addEnglish } from '@/text'
import { incidentsEn } from '@/text/incidents.en'

addEnglish(incidentsEn)
