import { STOP_WORDS } from './stop-words.ts'

/** The Snowball name of a language, or `none`. */
export type Language = string

/**
 * Detects the language of a text by its script and its stop words. Latin text without stop words gets `fallback`.
 * A wrong result does little harm: a question is stemmed in every language of its memories (see `queryTermsOf`).
 */
export function detectLanguage(words: readonly string[], fallback: Language = 'english'): Language {
  let arabic = 0
  let cyrillic = 0
  let latin = 0
  let armenian = 0
  let tamil = 0
  const hits = new Map<Language, number>()
  for (const word of words) {
    const code = word.charCodeAt(0)
    if (code < 0x250) latin++
    else if (code >= 0x400 && code < 0x530) cyrillic++
    else if (code >= 0x530 && code < 0x590) armenian++
    else if (code >= 0x600 && code < 0x700) arabic++
    else if (code >= 0xb80 && code < 0xc00) tamil++
    const languages = LANGUAGES_OF.get(word)
    if (languages) for (const language of languages) hits.set(language, (hits.get(language) ?? 0) + 1)
  }
  const most = Math.max(latin, cyrillic, arabic, armenian, tamil)
  if (most === 0) return 'none'
  if (most === arabic) return 'arabic'
  if (most === cyrillic) return 'russian'
  if (most === armenian) return 'armenian'
  if (most === tamil) return 'tamil'
  let best = fallback
  let count = hits.get(fallback) ?? 0
  for (const [language, n] of hits) {
    if (n > count) {
      best = language
      count = n
    }
  }
  return best
}

const LANGUAGES_OF = new Map<string, Language[]>()
for (const [language, words] of STOP_WORDS) {
  for (const word of words) {
    const known = LANGUAGES_OF.get(word)
    if (known) known.push(language)
    else LANGUAGES_OF.set(word, [language])
  }
}
