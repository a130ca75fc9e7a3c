import { normalise } from '../../text/normalise.ts'

/**
 * Words that say that something is not so, or no longer. A wrong guess is harmless: it only makes the reconciliation
 * keep the fact's own words where it could have taken the model's, or the other way round.
 */
const SPACED = [
  `no longer|any ?more|not|never|no|cannot|without|\\p{L}+n't`,
  `stop(?:s|ped|ping)?|quit(?:s|ting)?|g(?:a|i)ves? up|given up|giving up|ceased|used to|former(?:ly)?`,
  `ne|n'(?=\\p{L})|pas|plus|jamais|arrêt(?:e|é|er) de`,
  `nicht mehr|nicht|kein\\p{L}*|nie|niemals|aufgehört`,
  `ya no|nunca|dej(?:a|ó|ado) de|non|mai|smesso di|não|parou de|deixou de`,
  `niet meer|niet|geen|nooit|gestopt met`,
  `больше не|не|нет|никогда|перестал\\p{L}*|бросил\\p{L}*`,
  `لم يعد|لا|لم|لن|ليس|توقف`,
  `더 이상|안|못|않\\p{L}*|그만\\p{L}*`,
].join('|')

const UNSPACED =
  'なくな[っりる]た?|ない|なかった|ませんでした|ません|(?:や|辞|止)め(?:ました|ている|ています|た)|もう|不再|不|没有?|沒有?|停止了?|戒掉?了?|放弃了?|放棄了?'

const NEGATION = new RegExp(`(?<![\\p{L}\\p{N}])(?:${SPACED})(?![\\p{L}\\p{N}])|${UNSPACED}`, 'gu')

/** A text apart from its negations, and whether it had any. The text comes back normalised. */
export function withoutNegation(text: string): { rest: string; negated: boolean } {
  const normal = normalise(text)
  const rest = normal.replace(NEGATION, ' ')
  return { rest, negated: rest !== normal }
}
