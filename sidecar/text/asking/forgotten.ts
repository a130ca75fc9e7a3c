import phrases from '../data/forgotten-phrases.json' with { type: 'json' }
import { normalise } from '../terms/normalise.ts'

/** Longest message that is looked at, in UTF-16 code units: a longer one tells a story, or is pasted. */
const MAX_LENGTH = 400

/**
 * Whether a user tells the assistant that it lacks what it was told: "I already told you", "You asked me that before".
 * In doubt it is false. Quoted speech, and requests to translate or to write, do not count.
 */
export function saysForgotten(message: string): boolean {
  if (message.length > MAX_LENGTH) return false
  const text = normalise(message.replace(QUOTED, ' ')).replace(/\s+/g, ' ').trim()
  return FORGOTTEN.test(text) && !EXEMPT.test(text)
}

/** Quotation marks in pairs; a straight apostrophe is none. */
const QUOTED =
  /"[^"]*"|“[^”]*”|„[^“”]*[“”]|«[^»]*»|»[^«]*«|「[^」]*」|『[^』]*』|(?<![\p{L}\p{N}])['‘][^'’]+['’](?![\p{L}\p{N}])/gu

const { exempt, ja, zh, ko, ...spaced } = phrases
const EXEMPT = new RegExp(exempt.join('|'), 'u')
const FORGOTTEN = new RegExp(
  [`(?<![\\p{L}\\p{N}'])(?:${Object.values(spaced).flat().join('|')})`, ...ja, ...zh, ...ko].join('|'),
  'u',
)
