import { addEnglish } from '@/text'
import { authorityEn } from '@/text/authority.en'

addEnglish(authorityEn)
