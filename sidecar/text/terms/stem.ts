import { LRUCache } from 'lru-cache'
import snowball from 'snowball-stemmers'
import irregularForms from '../data/english-irregular-forms.json' with { type: 'json' }
import { foldAccents } from './normalise.ts'

/**
 * The Snowball stem (Porter 2001) of a normalised word, without accents. Irregular English forms are replaced by
 * their base form first. For a language without a stemmer, only the accents are removed.
 */
export function stem(word: string, language: string): string {
  const key = `${language}:${word}`
  const cached = stems.get(key)
  if (cached !== undefined) return cached
  const stemmed = foldAccents(stemmerOf(language)(word))
  // In a few languages Snowball removes short words entirely; an index term must not be empty.
  const result = stemmed === '' ? foldAccents(word) : stemmed
  stems.set(key, result)
  return result
}

type Stem = (word: string) => string

const SUPPORTED = new Set(snowball.algorithms())
const stemmers = new Map<string, Stem>()
/** A Snowball call takes about 7 µs, a cache hit about 0.7 µs. */
// Counted as a size: for `max`, memory for all entries would be allocated at once.
const stems = new LRUCache<string, string>({ maxSize: 50_000, sizeCalculation: () => 1 })

function stemmerOf(language: string): Stem {
  const existing = stemmers.get(language)
  if (existing) return existing
  const created = createStemmer(language)
  stemmers.set(language, created)
  return created
}

function createStemmer(language: string): Stem {
  if (!SUPPORTED.has(language)) return (word) => word
  const stemmer = snowball.newStemmer(language)
  if (language === 'english') return (word) => stemmer.stem(baseFormOf(word.replace(/'s?$/, '')))
  // French and Italian elide: l'amour, dell'arte.
  if (ELIDING.has(language)) return (word) => stemmer.stem(word.replace(/^\p{L}{1,5}'(?=\p{L})/u, ''))
  return (word) => stemmer.stem(word)
}

const ELIDING = new Set(['french', 'italian', 'catalan'])

/** Maps an irregular English form to its base (`went` → `go`); returns other words unchanged. */
function baseFormOf(word: string): string {
  return BASE_FORMS.get(word) ?? word
}

const BASE_FORMS = new Map(
  Object.entries(irregularForms).flatMap(([base, forms]) =>
    forms.split(' ').map((form) => [form, base] as const),
  ),
)
