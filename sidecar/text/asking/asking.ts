import { isQuestion, isSmallTalk, splitSentences } from '../sentences.ts'
import { UNSPACED } from '../terms/segment.ts'
import { chineseStatesFact } from './chinese.ts'
import { japaneseStatesFact } from './japanese.ts'
import { koreanStatesFact } from './korean.ts'
import { spacedStatesFact } from './spaced.ts'

/** Whether a sentence asks: it has a question mark, or the form of a question without one. */
export function asks(sentence: string): boolean {
  return isQuestion(sentence) || (sentence.length <= MAX_LENGTH && UNMARKED.test(sentence.trim()))
}

/** Whether a sentence asks and states nothing. In doubt it states something. */
export function merelyAsks(sentence: string): boolean {
  if (!asks(sentence)) return false
  const text = sentence.normalize('NFKC').replace(/[’‘]/g, "'").trim()
  const letters = text.match(UNSPACED_LETTERS)?.length ?? 0
  const words = text.split(/\s+/).length
  if (text.length > MAX_LENGTH || words > MAX_WORDS || letters > MAX_UNSPACED) return false
  if (/\p{Script=Hangul}/u.test(text)) return !koreanStatesFact(text)
  if (/[\p{Script=Hiragana}\p{Script=Katakana}]/u.test(text)) return !japaneseStatesFact(text)
  if (/\p{Script=Han}/u.test(text)) return !chineseStatesFact(text)
  return !spacedStatesFact(text)
}

/** Share of the sentences of a text that merely ask, 0…1. */
export function askingShare(text: string): number {
  const sentences = splitSentences(text).filter((one) => !isSmallTalk(one))
  return sentences.length === 0 ? 0 : sentences.filter(merelyAsks).length / sentences.length
}

/** A longer question tells of its circumstances. UTF-16 code units, words, and letters of a script without spaces. */
const MAX_LENGTH = 300
const MAX_WORDS = 20
const MAX_UNSPACED = 45
const UNSPACED_LETTERS = new RegExp(`[${UNSPACED}]`, 'gu')

/** Questions that are often written without a mark. */
const UNMARKED = new RegExp(
  [
    '(?:です|ます|でしょう|だろう|ました|でした|ません)か[。．.]*$|(?:かな|っけ)[。．.]*$',
    '[吗嗎][。．.]*$|(?:什么|什麼|怎么|怎麼|哪|谁|誰).*呢[。．.]*$',
    '(?:什么|什麼|哪[里裡儿兒]|多久|多少|几点|幾點|怎么办|怎麼辦)[。．.]*$',
    '(?:까요|(?<!만)나요|[은인는한]가요|습니까|입니까|합니까)[.。]*$',
    "^(?:so |and |but )?(?:what|where|when|why|how|who|which)(?:'s| is| are| was| were| do| does| did| can| could| should| would| will| shall) (?:i|you|we|it|they|the|this|that)\\b",
    '^(?:can|could|would|will|do|does|did) (?:i|you|we)\\b|^(?:is|are) (?:there|you|it)\\b',
    '^(?:und |aber |also )?(?:was|wie|wo|wann|warum|wer|wen|welche[rnms]?) (?:ist|sind|soll|kann|muss|darf|sollen|können|müssen|koche|mache|gibt) (?:ich|du|wir|man|es|das|der|die)(?!\\p{L})',
    '^(?:kann|kannst|darf|soll|sollen|muss) (?:ich|du|wir|man)(?!\\p{L})',
    '^(?:qué|cómo|cuándo|dónde|cuál|quién|por qué)(?!\\p{L})',
  ].join('|'),
  'iu',
)
