import data from '../data/stop-words.json' with { type: 'json' }

const { unspaced, ...byLanguage } = data

/**
 * The most frequent function words of each language, normalised. They identify the language of a text and are left out
 * of index terms. The lists are our own because stopwords-iso also drops content words ("home", "work", "Jahr", "год").
 */
export const STOP_WORDS: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries(byLanguage).map(([language, lines]) => [language, toSet(lines)]),
)

/** Function words and suffixes of Korean and of scripts without spaces. */
export const UNSPACED_STOP_WORDS: ReadonlySet<string> = toSet(unspaced)

const EMPTY: ReadonlySet<string> = new Set()

/** Function words of a language; empty for a language without a list. */
export function stopWordsOf(language: string): ReadonlySet<string> {
  return STOP_WORDS.get(language) ?? EMPTY
}

function toSet(lines: readonly string[]): ReadonlySet<string> {
  return new Set(lines.join(' ').split(' '))
}
