import { splitSentences } from '../sentences.ts'
import { detectLanguage } from '../terms/language.ts'

/** A named thing in a text. `name`: a name of which nothing else is known. */
export interface Mention {
  name: string
  type: string
}

/** UTF-16 code units of a text that are read, and mentions kept of it. */
const MAX_LENGTH = 4_000
const MAX_MENTIONS = 24

/**
 * The named things of a text, found without a model: by capitals inside a sentence, quotation marks, titles of persons,
 * suffixes of places, addresses, dates and quantities. German writes every noun with a capital, and so is not read for
 * capitals.
 */
export function findMentions(text: string): Mention[] {
  const found = new Map<string, Mention>()
  const bounded = text.slice(0, MAX_LENGTH)
  for (const [type, pattern] of PATTERNS) {
    for (const { 1: name = '' } of bounded.matchAll(pattern)) add(found, name, type)
  }
  const words = bounded.toLowerCase().match(/\p{L}+/gu) ?? []
  if (detectLanguage(words) !== 'german') {
    for (const sentence of splitSentences(bounded)) {
      for (const { 1: name = '' } of sentence.matchAll(INNER_NAME)) {
        const isInTitle = [...found.values()].some(
          (other) => other.type === 'title' && other.name.includes(name),
        )
        if (!isInTitle) add(found, name, 'name')
      }
    }
  }
  return [...found.values()].slice(0, MAX_MENTIONS)
}

function add(found: Map<string, Mention>, name: string, type: string): void {
  const trimmed = name.trim().replace(/ I$/u, '')
  if (trimmed.length < 2 || NO_NAMES.has(trimmed)) return
  if (!found.has(trimmed)) found.set(trimmed, { name: trimmed, type })
}

const PATTERNS: readonly (readonly [string, RegExp])[] = [
  ['email', /(?<![\w.+-])([\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{2,63}){1,4})/gu],
  // Japanese and Chinese also quote what is said; that ends like a sentence, or is in “”.
  ['title', /[「『]([^「」『』、。，！？!?\n]{1,39}[^「」『』、。，！？!?\n\p{Script=Hiragana}])[」』]/gu],
  ['title', /《([^《》\n]{2,40})》/gu],
  ['title', /[“«]([^“”«»,.!?\n\p{Script=Han}]{2,40})[”»]/gu],
  ['title', /(?<!\S)"([^",.!?\n\p{Script=Han}]{2,40})"/gu],
  [
    'person',
    /(?<![\p{Script=Han}\p{Script=Katakana}])([\p{Script=Han}]{1,4}|[\p{Script=Katakana}ー]{2,10})(?:さん|ちゃん|くん)/gu,
  ],
  ['person', /(?<!\p{L})([가-힣]{2,4}) 씨(?!\p{L})/gu],
  ['place', /(?<![\p{Script=Han}])([\p{Script=Han}]{2,4}(?:駅|空港|大学|病院|公園))/gu],
  ['date', /(?<!\d)(\d{4}-\d{2}-\d{2}|\d{4}年\d{1,2}月(?:\d{1,2}日)?)(?!\d)/gu],
  [
    'quantity',
    /(?<![\d.,\p{L}])(\d{1,7}(?:[.,]\d{1,3})?\s?(?:kg|km|cm|mm|km\/h|€|\$|%|°C|EUR|USD|円|万円|元|원|만원|公里|公斤|キロ|킬로))(?![\p{L}\d])/gu,
  ],
]

/** Capitalised words after a word that has none; a capital at the start of a sentence tells nothing. */
const INNER_NAME =
  /(?<=[\p{Ll}\d,;:)\p{Lo}] ?)(?<![\p{Lu}\p{M}])(\p{Lu}[\p{L}\d&]*(?:[-.]\p{L}+)*(?: (?:de |del |van |von |of )?\p{Lu}[\p{L}\d&]*(?:-\p{L}+)*){0,3})/gu

/** Capitalised words that name nothing. */
const NO_NAMES = new Set(
  'I I’m OK Ok AM PM TV PC IT AI FYI LOL OMG Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March April May June July August September October November December Mom Dad Mum Mr Mrs Ms Dr Hi Hello Thanks English Spanish French German Japanese Chinese Korean Christmas God'.split(
    ' ',
  ),
)
