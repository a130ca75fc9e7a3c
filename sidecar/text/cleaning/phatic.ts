import phrases from '../data/phatic.json' with { type: 'json' }
import { normalise } from '../terms/normalise.ts'

/** Longest message that is looked at, in UTF-16 code units. */
const MAX_LENGTH = 300

/**
 * Whether a message says nothing to remember: it has only acknowledgements, thanks, greetings and placeholders for
 * removed data. "Yes" and "no" are never phatic, and "OK" is not where it answers a question. Neither is an emoji.
 */
export function isPhatic(content: string, { answersQuestion }: { answersQuestion: boolean }): boolean {
  if (content.length > MAX_LENGTH) return false
  const text = content.replace(PLACEHOLDERS, ' ')
  const units = toUnits(text)
  if (units.length === 0) return content.trim() === '' || (text !== content && !/\p{S}/u.test(text))
  return isMadeOf(units, answersQuestion ? ACKNOWLEDGEMENTS : ALL)
}

/** Whether a text says no more than yes or no, in words that may be polite. */
export function isBareAnswer(text: string): boolean {
  if (text.length > MAX_LENGTH) return false
  const units = toUnits(text)
  return units.length > 0 && isMadeOf(units, ANSWERS) && !isMadeOf(units, ALL)
}

const PLACEHOLDERS = /\[(?:image|audio|video|binary \d+ kB|password|card|email|phone)\]/g

/** A word, or a single character of a script that is written without spaces; Korean too, because its spacing varies. */
const UNSPACED = '\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}ー\\p{Script=Hangul}'
const UNITS = new RegExp(`[${UNSPACED}]|(?:(?![${UNSPACED}])[\\p{L}\\p{N}\\p{M}'])+`, 'gu')

function toUnits(text: string): string[] {
  return normalise(text).match(UNITS) ?? []
}

const keysOf = (lists: Readonly<Record<string, string>>) =>
  Object.values(lists).flatMap((list) => list.split('|').map((phrase) => toUnits(phrase).join(' ')))
const ACKNOWLEDGEMENTS: ReadonlySet<string> = new Set(keysOf(phrases.acknowledgements))
const ALL: ReadonlySet<string> = new Set([...ACKNOWLEDGEMENTS, ...keysOf(phrases.assents)])
const ANSWERS: ReadonlySet<string> = new Set([...ALL, ...keysOf(phrases.answers)])
/** The phrases, and the first units of each. */
const BEGINNINGS = new Set(ANSWERS)
for (const key of ANSWERS) {
  for (const { index } of key.matchAll(/ /g)) BEGINNINGS.add(key.slice(0, index))
}

/** Whether the units can be divided into phrases. */
function isMadeOf(units: readonly string[], known: ReadonlySet<string>): boolean {
  const starts = new Set([0])
  // The loop also visits the starts that it adds: a phrase may follow the end of another.
  for (const start of starts) {
    let key = ''
    for (let end = start; end < units.length; end++) {
      key += end === start ? units[end] : ` ${units[end]}`
      if (!BEGINNINGS.has(key)) break
      if (known.has(key)) starts.add(end + 1)
    }
  }
  return starts.has(units.length)
}
