import { readText, termsOf } from '../../text/tokens.ts'
import { normaliseForDuplicate } from '../model/verbatim.ts'
import { withoutNegation } from './negation.ts'

/** What a text says, as far as words can tell. */
interface Content {
  /** Stems of its content words, negations apart. */
  words: Set<string>
  /** Bigrams of scripts without spaces, where two texts may be cut into words in different ways. */
  grams: Set<string>
  numbers: Set<string>
  negated: boolean
}

function contentOf(text: string): Content {
  const { rest, negated } = withoutNegation(text)
  const { words, language } = readText(rest)
  const termsWhere = (kinds: readonly string[]) =>
    new Set(termsOf({ language, words: words.filter((word) => kinds.includes(word.kind)) }))
  return {
    words: termsWhere(['word', 'number', 'unspaced']),
    grams: termsWhere(['gram']),
    numbers: termsWhere(['number']),
    negated,
  }
}

/**
 * Share of what only the fact says that must be found again, in words or in bigrams. No more than this: "moved to
 * Porto" may become "lives in Porto", and "got a second cat, Momo" may become "two cats, Miso and Momo".
 */
const KEPT = 1 / 3

/**
 * Whether `text` still says what `fact` says beside `old`: a third of the words that only the fact has, each of
 * its numbers, and that something is not so.
 */
export function keeps(text: string, fact: string, old: string): boolean {
  const said = contentOf(fact)
  const before = contentOf(old)
  const now = contentOf(text)
  if (said.negated !== before.negated && now.negated !== said.negated) return false
  if (!said.numbers.difference(before.words).isSubsetOf(now.words)) return false
  const own = said.words.difference(before.words)
  const wanted = own.size > 0 ? own : said.words
  const ownGrams = said.grams.difference(before.grams)
  return share(wanted, now.words) >= KEPT || (ownGrams.size > 0 && share(ownGrams, now.grams) >= KEPT)
}

/** Whether `text` holds most of what `old` says beside `fact`: then it refines the old text, else it replaces it. */
export function refines(text: string, old: string, fact: string): boolean {
  const before = contentOf(old)
  const own = before.words.difference(contentOf(fact).words)
  const now = contentOf(text)
  return now.negated === before.negated && own.size > 0 && share(own, now.words) > 1 / 2
}

/** Whether most of what `text` says is said by none of `sources`: invented, or in another language. */
export function isInvented(text: string, sources: readonly string[]): boolean {
  const now = contentOf(text)
  const known = sources.map(contentOf)
  const union = (key: 'words' | 'grams') => new Set(known.flatMap((one) => [...one[key]]))
  if (share(now.words, union('words')) >= 1 / 2) return false
  return now.grams.size === 0 || share(now.grams, union('grams')) < 1 / 2
}

/** Whether `text` says `fact` in the fact's own words, in one piece. */
export function alreadySays(text: string, fact: string): boolean {
  const inOnePiece = ` ${normaliseForDuplicate(text)} `.includes(` ${normaliseForDuplicate(fact)} `)
  return inOnePiece && contentOf(text).negated === contentOf(fact).negated
}

/** Whether a fact is nothing but the denial of `old`: "no longer plays the violin" of "plays the violin". */
export function onlyDenies(fact: string, old: string): boolean {
  const said = contentOf(fact)
  const before = contentOf(old)
  return said.negated && !before.negated && said.words.isSubsetOf(before.words)
}

/** Share of `wanted` that is in `found`; 1 when nothing is wanted. */
function share(wanted: ReadonlySet<string>, found: ReadonlySet<string>): number {
  return wanted.size === 0 ? 1 : wanted.intersection(found).size / wanted.size
}
