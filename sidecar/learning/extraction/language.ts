import { detectLanguage } from '../../text/terms/language.ts'
import { normalise } from '../../text/terms/normalise.ts'
import { segment } from '../../text/terms/segment.ts'
import { stopWordsOf } from '../../text/terms/stop-words.ts'

/** The English name of a text's language ("Japanese"); `undefined` when script and stop words do not identify it. */
export function nameOfLanguage(text: string): string | undefined {
  const script = dominantScript(text)
  if (script === undefined) return undefined
  if (isEastAsian(script)) {
    const letters = text.match(/\p{L}/gu)?.length ?? 1
    return count(text, 'Kana') / letters > 0.1 ? 'Japanese' : 'Chinese'
  }
  for (const [name, letters] of LANGUAGE_LETTERS) if (letters.test(text)) return name
  if (script === 'Cyrillic' || script === 'Arabic' || script === 'Latin') {
    const language = detectLanguage(wordsOf(text), 'unknown')
    if (language === 'unknown' || language === 'none') return undefined
    return language.charAt(0).toUpperCase() + language.slice(1)
  }
  return SCRIPTS[script].language
}

/** Whether a fact is written in another script than its messages. Words of the messages (names) do not count. */
export function isForeignScript(fact: string, said: string): boolean {
  const from = dominantScript(said)
  if (from === undefined || count(fact, from) > 0) return false
  // Japanese mixes the two.
  if (isEastAsian(from) && count(fact, 'Han') + count(fact, 'Kana') > 0) return false
  const to = dominantScript(fact)
  // A message that mixes two scripts may be remembered in either.
  if (to === undefined || weight(said, to) > weight(said, from) / 3) return false
  const words = wordsOf(fact)
  if (words.length === 0) return false
  const there = new Set(wordsOf(said))
  return words.filter((word) => there.has(word)).length < words.length * 0.6
}

/** The language of facts that were translated within a script, such as English facts of a French conversation. */
export function detectTranslation(facts: string, said: string): string | undefined {
  const from = detectLanguage(wordsOf(said), 'unknown')
  const words = wordsOf(facts)
  const to = detectLanguage(words, 'unknown')
  if (from === to || from === 'unknown' || to === 'unknown') return undefined
  const evidence = countStopWords(words, to)
  return evidence >= 4 && evidence >= 3 * countStopWords(words, from) ? to : undefined
}

const SCRIPTS = {
  Latin: script(/\p{Script=Latin}/gu),
  Han: script(/\p{Script=Han}/gu, 3),
  Kana: script(/[\p{Script=Hiragana}\p{Script=Katakana}]/gu, 2),
  Hangul: script(/\p{Script=Hangul}/gu, 2.5, 'Korean'),
  Cyrillic: script(/\p{Script=Cyrillic}/gu),
  Arabic: script(/\p{Script=Arabic}/gu),
  Hebrew: script(/\p{Script=Hebrew}/gu, 1, 'Hebrew'),
  Greek: script(/\p{Script=Greek}/gu, 1, 'Greek'),
  Thai: script(/\p{Script=Thai}/gu, 1.2, 'Thai'),
  Devanagari: script(/\p{Script=Devanagari}/gu),
  Bengali: script(/\p{Script=Bengali}/gu, 1, 'Bengali'),
  Tamil: script(/\p{Script=Tamil}/gu, 1, 'Tamil'),
  Georgian: script(/\p{Script=Georgian}/gu, 1, 'Georgian'),
  Armenian: script(/\p{Script=Armenian}/gu, 1, 'Armenian'),
}

type Script = keyof typeof SCRIPTS

/** `weight`: information per character, relative to a letter of an alphabet. `language`: the only one of the script. */
function script(letters: RegExp, weight = 1, language?: string) {
  return { letters, weight, language }
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

function isEastAsian(script: Script): boolean {
  return script === 'Han' || script === 'Kana'
}

function weight(text: string, script: Script): number {
  return count(text, script) * SCRIPTS[script].weight
}

function count(text: string, script: Script): number {
  return text.match(SCRIPTS[script].letters)?.length ?? 0
}

function wordsOf(text: string): string[] {
  return segment(normalise(text)).flatMap((word) => (word.kind === 'gram' ? [] : [word.text]))
}

function countStopWords(words: readonly string[], language: string): number {
  const known = stopWordsOf(language)
  return words.filter((word) => known.has(word)).length
}
