import { LRUCache } from 'lru-cache'
import { detectLanguage, type Language } from './language.ts'
import { foldAccents, normalise } from './normalise.ts'
import { ASKING_WORDS } from './question-type.ts'
import { segment, type Word } from './segment.ts'
import { stem } from './stem.ts'
import { stopWordsOf, UNSPACED_STOP_WORDS } from './stop-words.ts'

/** The tokens of a text, with its language. */
export interface Reading {
  /** The normalised text. */
  normal: string
  /** Its words, including character bigrams. */
  words: readonly Word[]
  language: Language
}

/** One word of a question, with its index terms. */
export interface QueryTerm {
  /** As in the normalised question. */
  word: string
  /** Its stems in the requested languages; the first is the stem in the question's own language. */
  forms: string[]
  /** Whether it belongs to the act of asking ("mention", "kind") rather than to the subject. */
  asking: boolean
}

export function readText(text: string): Reading {
  const normal = normalise(text)
  const words = segment(normal)
  return { normal, words, language: detectLanguage(words.map((word) => word.text)) }
}

/** Index terms of a text or of some of its words: the stems of its content words, in order, with repetitions. */
export function termsOf({ words, language }: Pick<Reading, 'words' | 'language'>): string[] {
  return contentOf(words, language).map((word) => termOf(word, language))
}

interface CacheEntry {
  reading: Reading
  terms?: readonly string[]
}

/** A new memory is tokenised three times in a row: for its embedding, for the store and for the index. */
const cache = new LRUCache<string, CacheEntry>({ max: 500 })
/** Longer texts are not cached. UTF-16 code units. */
const MAX_CACHED_LENGTH = 1000

/** Cached `readText`, for the text of a memory. */
export function readMemory(text: string): Reading {
  return cacheEntryOf(text).reading
}

/** Cached `termsOf`, for the text of a memory. */
export function termsOfMemory(text: string): readonly string[] {
  const entry = cacheEntryOf(text)
  entry.terms ??= termsOf(entry.reading)
  return entry.terms
}

function cacheEntryOf(text: string): CacheEntry {
  const cached = cache.get(text)
  if (cached) return cached
  const entry: CacheEntry = { reading: readText(text) }
  if (text.length <= MAX_CACHED_LENGTH) cache.set(text, entry)
  return entry
}

/**
 * Content words of a question, each stemmed in the detected language and in every language of `languages` (those of
 * the memories). A short question whose language is misdetected then still matches its memories.
 */
export function queryTermsOf({ words, language }: Reading, languages: Iterable<Language> = []): QueryTerm[] {
  const all = [...new Set([language, ...languages])]
  return contentOf(words, language).map((word) => ({
    word: word.text,
    forms: [...new Set(all.map((one) => termOf(word, one)))],
    asking: language === 'english' && ASKING_WORDS.has(word.text),
  }))
}

function contentOf(words: readonly Word[], language: Language): Word[] {
  const stops = stopWordsOf(language)
  return words.filter((word) => {
    if (word.kind === 'unspaced') return !UNSPACED_STOP_WORDS.has(word.text)
    // Bigrams of hiragana are suffixes and particles; whole hiragana words are separate tokens.
    if (word.kind === 'gram') return !HIRAGANA_ONLY.test(word.text) && !UNSPACED_STOP_WORDS.has(word.text)
    return !stops.has(word.text)
  })
}

const HIRAGANA_ONLY = /^\p{Script=Hiragana}+$/u

function termOf(word: Word, language: Language): string {
  if (word.kind === 'word') return stem(word.text, language)
  if (word.kind === 'number') return numberTerm(word.text)
  return foldAccents(word.text)
}

/** Gives `1,000` and `1000`, `07` and `7`, `5th` and `5` the same term. */
function numberTerm(text: string): string {
  const plain = text.replace(/(?<=\d),(?=\d{3}(?!\d))/g, '').replace(/^(\d+)(?:st|nd|rd|th)$/, '$1')
  return /^0+\d+$/.test(plain) ? String(Number(plain)) : plain
}
