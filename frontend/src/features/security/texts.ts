/** Import this for its effect wherever a component of security is an entry of its own. */
import { addEnglish } from '@/text'
import { securityEn } from '@/text/security.en'

addEnglish(securityEn)
