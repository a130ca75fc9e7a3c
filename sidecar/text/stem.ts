import { LRUCache } from 'lru-cache'
import snowball from 'snowball-stemmers'
import { englishBase } from './english-forms.ts'
import { foldAccents } from './normalise.ts'

/**
 * The stem of a normalised word (Snowball, Porter 2001), without accents. English goes through its
 * irregular forms first. An unknown language gives the word without accents.
 */
export function stem(word: string, language: string): string {
  const key = `${language}:${word}`
  const known = stems.get(key)
  if (known !== undefined) return known
  const stemmed = foldAccents(stemmerOf(language)(word))
  // Snowball removes whole short words in a few languages; a term must not be empty.
  const result = stemmed === '' ? foldAccents(word) : stemmed
  stems.set(key, result)
  return result
}

type Stem = (word: string) => string

const SUPPORTED = new Set(snowball.algorithms())
const stemmers = new Map<string, Stem>()
/** One Snowball call takes about 7 µs; a look-up a tenth of one. */
const stems = new LRUCache<string, string>({ max: 50_000 })

function stemmerOf(language: string): Stem {
  const known = stemmers.get(language)
  if (known) return known
  const stemmer = makeStemmer(language)
  stemmers.set(language, stemmer)
  return stemmer
}

function makeStemmer(language: string): Stem {
  if (!SUPPORTED.has(language)) return (word) => word
  const stemmer = snowball.newStemmer(language)
  if (language === 'english') return (word) => stemmer.stem(englishBase(word.replace(/'s?$/, '')))
  // French and Italian elide: l'amour, dell'arte.
  if (ELIDING.has(language)) return (word) => stemmer.stem(word.replace(/^\p{L}{1,5}'(?=\p{L})/u, ''))
  return (word) => stemmer.stem(word)
}

const ELIDING = new Set(['french', 'italian', 'catalan'])
