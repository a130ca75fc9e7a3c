import { hashTerm } from '../../text/terms/hash.ts'
import type { Language } from '../../text/terms/language.ts'
import { queryTermsOf, readText, termsOf } from '../../text/terms/tokens.ts'

/** A content word of an answer, or a character bigram of Korean or of a script without spaces. */
export interface ContentWord {
  /** As written, in lower case. */
  word: string
  /** Hashes of its stems in the languages of the memories. */
  forms: readonly number[]
  isGram: boolean
}

/** UTF-16 code units of a text that are read. */
const MAX_LENGTH = 8_000

/** The distinct content words of a text, stemmed in each language, because that of a short answer is uncertain. */
export function contentWordsOf(text: string, languages: Iterable<Language>): ContentWord[] {
  const reading = readText(text.slice(0, MAX_LENGTH))
  const others = [...languages]
  const words = reading.words.filter(({ kind }) => kind !== 'gram')
  // Single characters are no evidence.
  const grams = reading.words.filter(({ kind, text }) => kind === 'gram' && [...text].length > 1)
  const terms = [
    ...queryTermsOf({ ...reading, words }, others).map((term) => ({ ...term, isGram: false })),
    ...queryTermsOf({ ...reading, words: grams, variants: [] }, others).map((term) => ({
      ...{ ...term, isGram: true },
    })),
  ]
  const byWord = new Map(
    // The first entry of a word counts: a dictionary word rather than a bigram.
    terms.reverse().map(({ word, forms, isGram }) => [word, { word, forms: forms.map(hashTerm), isGram }]),
  )
  return [...byWord.values()].reverse()
}

/** The terms by which a memory is matched. */
export function memoryWordsOf(text: string): { terms: Set<number>; language: Language } {
  const reading = readText(text.slice(0, MAX_LENGTH))
  return { terms: new Set(termsOf(reading).map(hashTerm)), language: reading.language }
}
