import { LRUCache } from 'lru-cache'
import { ASKING_WORDS } from './asking-words.ts'
import { detectLanguage, type Language } from './language.ts'
import { foldAccents, normalise } from './normalise.ts'
import { segment, type Word } from './segment.ts'
import { stem } from './stem.ts'
import { stopWordsOf, UNSPACED_STOP_WORDS } from './stop-words.ts'

/** A text taken apart once, for everything that reads its words. */
export interface Reading {
  /** The normalised text. */
  normal: string
  /** Its words, character bigrams among them. */
  words: readonly Word[]
  language: Language
}

/** One word of a question, with every term that stands for it. */
export interface QueryTerm {
  /** As in the normalised question. */
  word: string
  /** Stems in the languages asked for; the first is that of the question's own language. */
  forms: string[]
  /** Whether it belongs to the act of asking ("mention", "kind") more than to the subject. */
  asking: boolean
}

export function readText(text: string): Reading {
  const normal = normalise(text)
  const words = segment(normal)
  return { normal, words, language: detectLanguage(words.map((word) => word.text)) }
}

/** Index terms of a text, or of some of its words: stems of the content words, in order, as often as they occur. */
export function termsOf({ words, language }: Pick<Reading, 'words' | 'language'>): string[] {
  return contentOf(words, language).map((word) => termOf(word, language))
}

interface Held {
  reading: Reading
  terms?: readonly string[]
}

/** What was read last: a new memory is read for its embedding, for the store, and for the index. */
const held = new LRUCache<string, Held>({ max: 500 })
/** Longer texts are not held. */
const MAX_HELD_LENGTH = 1000

/** `readText` of a text that becomes a memory, which others will read in a moment. */
export function readMemory(text: string): Reading {
  return hold(text).reading
}

/** `termsOf` of a text that becomes a memory. */
export function termsOfMemory(text: string): readonly string[] {
  const one = hold(text)
  one.terms ??= termsOf(one.reading)
  return one.terms
}

function hold(text: string): Held {
  const known = held.get(text)
  if (known) return known
  const one: Held = { reading: readText(text) }
  if (text.length <= MAX_HELD_LENGTH) held.set(text, one)
  return one
}

/**
 * Content words of a question, each stemmed in its own language and in every language of `languages`
 * (those the memories were stemmed in). So question and memory agree whatever language a short
 * question looks like.
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
    // Bigrams of hiragana alone are word endings and particles; words of hiragana come whole.
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

/** `1,000` and `1000` are one number, so are `07` and `7`, `5th` and `5`. */
function numberTerm(text: string): string {
  const plain = text.replace(/(?<=\d),(?=\d{3}(?!\d))/g, '').replace(/^(\d+)(?:st|nd|rd|th)$/, '$1')
  return /^0+\d+$/.test(plain) ? String(Number(plain)) : plain
}
