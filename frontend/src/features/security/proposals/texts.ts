import { addEnglish } from '@/text'
import { proposalsEn } from '@/text/proposals.en'

addEnglish(proposalsEn)
