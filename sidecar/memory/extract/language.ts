import { detectLanguage } from '../../text/language.ts'
import { normalise } from '../../text/normalise.ts'
import { segment } from '../../text/segment.ts'
import { stopWordsOf } from '../../text/stop-words.ts'

/** The language of a text as a prompt names it ("Japanese"); `undefined` where small words and script do not tell. */
export function nameOfLanguage(text: string): string | undefined {
  const script = dominantScript(text)
  if (script === undefined) return undefined
  if (script === 'Han' || script === 'Kana') return share(text, 'Kana') > 0.1 ? 'Japanese' : 'Chinese'
  for (const [name, letters] of BY_LETTER) if (letters.test(text)) return name
  if (script === 'Cyrillic' || script === 'Arabic' || script === 'Latin') {
    const language = detectLanguage(wordsOf(text), 'unknown')
    return language === 'unknown' || language === 'none' ? undefined : capital(language)
  }
  return NAMES[script]
}

/**
 * Whether a fact is written in a script that what it was said in is not: Latin letters for a Chinese message, say.
 * Names and terms that stand in the message itself are no sign of a wrong language.
 */
export function isForeignScript(fact: string, said: string): boolean {
  const from = dominantScript(said)
  if (from === undefined || count(fact, from) > 0) return false
  if (KIN[from]?.some((script) => count(fact, script) > 0)) return false
  const to = dominantScript(fact)
  // Who mixes two scripts may be remembered in either.
  if (to === undefined || weight(said, to) > weight(said, from) / 3) return false
  const words = wordsOf(fact)
  if (words.length === 0) return false
  const there = new Set(wordsOf(said))
  return words.filter((word) => there.has(word)).length < words.length * 0.6
}

/**
 * The language that facts are in where it is plainly not the one of the conversation, both in Latin letters
 * (English facts of a French talk). Needs several small words to say so; similar languages are left alone.
 */
export function foreignLanguage(facts: string, said: string): string | undefined {
  const from = detectLanguage(wordsOf(said), 'unknown')
  const words = wordsOf(facts)
  const to = detectLanguage(words, 'unknown')
  if (from === to || from === 'unknown' || to === 'unknown') return undefined
  return smallWords(words, to) >= 4 && smallWords(words, to) >= 3 * smallWords(words, from) ? to : undefined
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
/** One character of these says as much as several letters of an alphabet. */
const WEIGHT: Partial<Record<Script, number>> = { Han: 3, Kana: 2, Hangul: 2.5, Thai: 1.2 }
/** Scripts that one language mixes. */
const KIN: Partial<Record<Script, readonly Script[]>> = { Han: ['Kana'], Kana: ['Han'] }
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
/** Letters that only one of the languages of a script has. */
const BY_LETTER: [string, RegExp][] = [
  ['Ukrainian', /[іїєґ]/iu],
  ['Urdu', /[ٹڈڑے]/u],
  ['Persian', /[پچژگ]/u],
  ['Vietnamese', /[ơưạảấầẩẫậắằẳẵặẹẻẽềểễệ]/iu],
]

function dominantScript(text: string): Script | undefined {
  let most = 0
  let dominant: Script | undefined
  for (const script of Object.keys(SCRIPTS) as Script[]) {
    const weighs = weight(text, script)
    if (weighs > most) [most, dominant] = [weighs, script]
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

function smallWords(words: readonly string[], language: string): number {
  const known = stopWordsOf(language)
  return words.filter((word) => known.has(word)).length
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1)
}
