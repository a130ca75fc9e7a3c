import phrases from '../data/forgotten-phrases.json' with { type: 'json' }
import { normalise } from '../terms/normalise.ts'
import { asks } from './asking.ts'

/** Longest message that is evaluated, in UTF-16 code units. A longer one is a story or pasted text. */
const MAX_LENGTH = 400

/**
 * Whether a user complains that the assistant forgot something: "I already told you", "You asked me that before". Prefers
 * misses to false alarms. Quoted speech, and requests to translate or to write, do not count.
 */
export function saysForgotten(message: string): boolean {
  if (message.length > MAX_LENGTH) return false
  const text = normalise(message.replace(QUOTED, ' ')).replace(/\s+/g, ' ').trim()
  const isFound = SPACED.test(text) || (UNSPACED_SCRIPT.test(text) && UNSPACED.test(text))
  return isFound && !EXEMPT.test(text)
}

/** Pairs of quotation marks, without the straight apostrophe. */
const QUOTED =
  /"[^"]*"|“[^”]*”|„[^“”]*[“”]|«[^»]*»|»[^«]*«|「[^」]*」|『[^』]*』|(?<![\p{L}\p{N}])['‘][^'’]+['’](?![\p{L}\p{N}])/gu

const { exempt, fillers, ja, zh, ko, ...spaced } = phrases
const EXEMPT = new RegExp(exempt.join('|'), 'u')
/** Letters of the languages with spaces. `\\p{L}` takes V8 ten times as long to compile. */
const LETTER = '[a-zß-ÿœ]'
const SPACED = new RegExp(
  `(?<![a-zß-ÿœ0-9'])(?:${Object.values(spaced).flat().join('|').replaceAll('\\p{L}', LETTER)})`,
)
const UNSPACED = new RegExp([...ja, ...zh, ...ko].join('|'), 'u')

/**
 * Key that different wordings of a question share: its words, without punctuation, "please" and "again". `undefined` for
 * a message that does not ask, and for a question that is too short to be recognised ("And you?").
 */
export function questionKey(message: string): string | undefined {
  if (message.length > MAX_LENGTH || !asks(message.trim())) return undefined
  const text = normalise(message).replace(SHORT_IS, '$1 is')
  const isUnspaced = UNSPACED_SCRIPT.test(text)
  const words = (isUnspaced ? text.replace(UNSPACED_FILLERS, ' ') : text).match(WORDS) ?? []
  if (isUnspaced) {
    const letters = words.join('')
    return letters.length < MIN_LETTERS ? undefined : letters
  }
  const kept = words.filter((word) => !FILLERS.has(word))
  return kept.length < MIN_WORDS ? undefined : kept.join(' ')
}

const MIN_WORDS = 3
const MIN_LETTERS = 5
const WORDS = /[\p{L}\p{M}\p{N}]+(?:['.,:-][\p{L}\p{M}\p{N}]+)*/gu
const SHORT_IS = /\b(what|where|when|who|how)'s\b/g
const UNSPACED_SCRIPT = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u
const FILLERS = new Set(fillers.spaced.split(' '))
const UNSPACED_FILLERS = new RegExp(fillers.unspaced.join('|'), 'gu')
