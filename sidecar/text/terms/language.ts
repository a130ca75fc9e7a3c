import { STOP_WORDS } from './stop-words.ts'

/** The Snowball name of a language, or `none`. */
export type Language = string

/**
 * Detects the language of a text by its script and its stop words. Latin text without stop words gets `fallback`.
 * A wrong result does little harm: a question is stemmed in every language of its memories (see `queryTermsOf`).
 */
export function detectLanguage(words: readonly string[], fallback: Language = 'english'): Language {
  const scripts = new Map(SCRIPTS.map(([script]) => [script, 0]))
  const languages = new Map([[fallback, 0]])
  for (const word of words) {
    const script = scriptOf(word.charCodeAt(0))
    if (script) increment(scripts, script)
    for (const language of LANGUAGES_OF.get(word) ?? []) increment(languages, language)
  }
  const [script, count] = mostFrequent(scripts)
  if (count === 0) return 'none'
  return script === 'latin' ? mostFrequent(languages)[0] : script
}

const LATIN_END = 0x250

/** Language, and range of the first code unit of its words. Stop words tell the languages in Latin script apart. */
const SCRIPTS: readonly (readonly [Language | 'latin', number, number])[] = [
  ['arabic', 0x600, 0x700],
  ['russian', 0x400, 0x530],
  ['armenian', 0x530, 0x590],
  ['tamil', 0xb80, 0xc00],
  ['latin', 0, LATIN_END],
]

function scriptOf(code: number): string | undefined {
  // Fast path: most words are Latin.
  if (code < LATIN_END) return 'latin'
  return SCRIPTS.find(([, from, to]) => code >= from && code < to)?.[0]
}

const LANGUAGES_OF = new Map<string, Language[]>()
for (const [language, words] of STOP_WORDS) {
  for (const word of words) LANGUAGES_OF.set(word, [...(LANGUAGES_OF.get(word) ?? []), language])
}

function increment(counts: Map<Language, number>, key: Language): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

/** The first of the most frequent entries. */
function mostFrequent(counts: ReadonlyMap<Language, number>): [Language, number] {
  return [...counts].reduce((most, entry) => (entry[1] > most[1] ? entry : most))
}
