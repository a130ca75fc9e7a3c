import { detectLanguage } from '../../text/terms/language.ts'
import { normalise } from '../../text/terms/normalise.ts'
import { segment } from '../../text/terms/segment.ts'
import { stopWordsOf } from '../../text/terms/stop-words.ts'

/** The English name of a text's language ("Japanese"); `undefined` when script and stop words do not identify it. */
export function nameOfLanguage(text: string): string | undefined {
  const script = dominantScript(text)
  if (script === undefined) return undefined
  if (script === 'Han' || script === 'Kana') return share(text, 'Kana') > 0.1 ? 'Japanese' : 'Chinese'
  for (const [name, letters] of LANGUAGE_LETTERS) if (letters.test(text)) return name
  if (script === 'Cyrillic' || script === 'Arabic' || script === 'Latin') {
    const language = detectLanguage(wordsOf(text), 'unknown')
    return language === 'unknown' || language === 'none' ? undefined : capitalise(language)
  }
  return NAMES[script]
}

/**
 * Whether a fact is written in another script than its messages, such as Latin letters for a Chinese message. Words
 * that occur in the messages themselves (names, terms) do not count.
 */
export function isForeignScript(fact: string, said: string): boolean {
  const from = dominantScript(said)
  if (from === undefined || count(fact, from) > 0) return false
  if (SAME_LANGUAGE[from]?.some((script) => count(fact, script) > 0)) return false
  const to = dominantScript(fact)
  // A message that mixes two scripts may be remembered in either.
  if (to === undefined || weight(said, to) > weight(said, from) / 3) return false
  const words = wordsOf(fact)
  if (words.length === 0) return false
  const there = new Set(wordsOf(said))
  return words.filter((word) => there.has(word)).length < words.length * 0.6
}

/**
 * Returns the language of the facts if it differs from that of the conversation although both use the same script
 * (English facts of a French conversation). Requires several stop words as evidence; similar languages are not reported.
 */
export function detectTranslation(facts: string, said: string): string | undefined {
  const from = detectLanguage(wordsOf(said), 'unknown')
  const words = wordsOf(facts)
  const to = detectLanguage(words, 'unknown')
  if (from === to || from === 'unknown' || to === 'unknown') return undefined
  return countStopWords(words, to) >= 4 && countStopWords(words, to) >= 3 * countStopWords(words, from)
    ? to
    : undefined
}

type Script = keyof typeof SCRIPTS

const SCRIPTS = {
  Latin: /\p{Script=Latin}/gu,
  Han: /\p{Script=Han}/gu,
  Kana: /[\p{Script=Hiragana}\p{Script=Katakana}]/gu,
  Hangul: /\p{Script=Hangul}/gu,
  Cyrillic: /\p{Script=Cyrillic}/gu,
  Arabic: /\p{Script=Arabic}/gu,
  Hebrew: /\p{Script=Hebrew}/gu,
  Greek: /\p{Script=Greek}/gu,
  Thai: /\p{Script=Thai}/gu,
  Devanagari: /\p{Script=Devanagari}/gu,
  Bengali: /\p{Script=Bengali}/gu,
  Tamil: /\p{Script=Tamil}/gu,
  Georgian: /\p{Script=Georgian}/gu,
  Armenian: /\p{Script=Armenian}/gu,
}
const ALL_LETTERS = /\p{L}/gu
/** Information per character, relative to a letter of an alphabet. */
const WEIGHT: Partial<Record<Script, number>> = { Han: 3, Kana: 2, Hangul: 2.5, Thai: 1.2 }
/** Scripts that are mixed in one language. */
const SAME_LANGUAGE: Partial<Record<Script, readonly Script[]>> = { Han: ['Kana'], Kana: ['Han'] }
const NAMES: Partial<Record<Script, string>> = {
  Hangul: 'Korean',
  Hebrew: 'Hebrew',
  Greek: 'Greek',
  Thai: 'Thai',
  Bengali: 'Bengali',
  Tamil: 'Tamil',
  Georgian: 'Georgian',
  Armenian: 'Armenian',
}
/** Letters that identify one language of a script. */
const LANGUAGE_LETTERS: [string, RegExp][] = [
  ['Ukrainian', /[іїєґ]/iu],
  ['Urdu', /[ٹڈڑے]/u],
  ['Persian', /[پچژگ]/u],
  ['Vietnamese', /[ơưạảấầẩẫậắằẳẵặẹẻẽềểễệ]/iu],
]

function dominantScript(text: string): Script | undefined {
  let most = 0
  let dominant: Script | undefined
  for (const script of Object.keys(SCRIPTS) as Script[]) {
    const weighted = weight(text, script)
    if (weighted > most) [most, dominant] = [weighted, script]
  }
  return dominant
}

function weight(text: string, script: Script): number {
  return count(text, script) * (WEIGHT[script] ?? 1)
}

function count(text: string, script: Script): number {
  return text.match(SCRIPTS[script])?.length ?? 0
}

function share(text: string, script: Script): number {
  return count(text, script) / (text.match(ALL_LETTERS)?.length ?? 1)
}

function wordsOf(text: string): string[] {
  return segment(normalise(text)).flatMap((word) => (word.kind === 'gram' ? [] : [word.text]))
}

function countStopWords(words: readonly string[], language: string): number {
  const known = stopWordsOf(language)
  return words.filter((word) => known.has(word)).length
}

function capitalise(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1)
}
