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

const PLACEHOLDERS = /\[(?:image|audio|video|binary \d+ kB|password|card|email|phone)\]/g

/** A word, or a single character of a script that is written without spaces; Korean too, because its spacing varies. */
const UNSPACED = '\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}ー\\p{Script=Hangul}'
const UNITS = new RegExp(`[${UNSPACED}]|(?:(?![${UNSPACED}])[\\p{L}\\p{N}\\p{M}'])+`, 'gu')

function toUnits(text: string): string[] {
  return normalise(text).match(UNITS) ?? []
}

function toKey(units: readonly string[]): string {
  return units.join(' ')
}

const keysOf = (lists: Readonly<Record<string, string>>) =>
  Object.values(lists).flatMap((list) => list.split('|').map((phrase) => toKey(toUnits(phrase))))
const ACKNOWLEDGEMENTS: ReadonlySet<string> = new Set(keysOf(phrases.acknowledgements))
const ALL: ReadonlySet<string> = new Set([...ACKNOWLEDGEMENTS, ...keysOf(phrases.assents)])
const LONGEST = Math.max(...Array.from(ALL, (key) => key.split(' ').length))

/** Whether the units can be divided into phrases. */
function isMadeOf(units: readonly string[], known: ReadonlySet<string>): boolean {
  const ends = new Set([0])
  for (let end = 1; end <= units.length; end++) {
    for (let start = Math.max(0, end - LONGEST); start < end && !ends.has(end); start++) {
      if (ends.has(start) && known.has(toKey(units.slice(start, end)))) ends.add(end)
    }
  }
  return ends.has(units.length)
}
