import { identifierWords } from './identifiers.ts'
import { detectLanguage, type Language } from './language.ts'
import { foldAccents, normalise } from './normalise.ts'
import { ASKING_WORDS } from './question-type.ts'
import { segment, type Word } from './segment.ts'
import { stem } from './stem.ts'
import { stopWordsOf, UNSPACED_STOP_WORDS } from './stop-words.ts'
import { symbolWords } from './symbols.ts'

/** The words and the language of a text. */
export interface Reading {
  /** The normalised text. */
  normal: string
  /** Its words, including character bigrams. */
  words: readonly Word[]
  /** Further terms of the same text: words with their symbols (`c++`), symbols, and parts of camel case words. */
  variants: readonly Word[]
  language: Language
}

/** The parts of a reading that give index terms. */
type TermSource = Pick<Reading, 'words' | 'language'> & Partial<Pick<Reading, 'variants'>>

/** One word of a question, with the index terms it matches. */
export interface QueryTerm {
  /** As in the normalised question. */
  word: string
  /** Its stems in the requested languages; the first is the stem in the question's own language. */
  forms: string[]
  /** Whether the word is about asking ("mention", "kind") rather than about the subject. */
  asking: boolean
}

export function readText(text: string): Reading {
  const normal = normalise(text)
  const words = segment(normal)
  const language = detectLanguage(words.map((word) => word.text))
  return { normal, words, variants: [...symbolWords(normal), ...identifierWords(text)], language }
}

/** Index terms of a text, or of some of its words: stems of the content words, in order, with repetitions. */
export function termsOf(source: TermSource): string[] {
  return contentOf(source).map((word) => termOf(word, source.language))
}

/**
 * Content words of a question, each stemmed in the question's language and in every one of `languages` (those of the
 * memories). A short question matches the memories even if its language is detected wrongly.
 */
export function queryTermsOf(reading: Reading, languages: Iterable<Language> = []): QueryTerm[] {
  const { language } = reading
  const all = [...new Set([language, ...languages])]
  return contentOf(reading).map((word) => ({
    word: word.text,
    forms: [...new Set(all.map((one) => termOf(word, one)))],
    asking: isAsking(word, language),
  }))
}

/** Whether a question has no words of a subject: "What do you know about me?" */
export function asksForAnything(reading: Reading): boolean {
  return contentOf(reading).every((word) => isAsking(word, reading.language))
}

function isAsking({ text }: Word, language: Language): boolean {
  return language === 'english' && ASKING_WORDS.has(text)
}

function contentOf({ words, variants = [], language }: TermSource): Word[] {
  const stops = stopWordsOf(language)
  const all = variants.length === 0 ? words : [...words, ...variants].sort((a, b) => a.at - b.at)
  return all.filter((word) => {
    if (word.kind === 'unspaced') return !UNSPACED_STOP_WORDS.has(word.text)
    // Bigrams of hiragana alone are word endings and particles; words of hiragana are segmented whole.
    if (word.kind === 'gram') return !HIRAGANA_ONLY.test(word.text) && !UNSPACED_STOP_WORDS.has(word.text)
    return !stops.has(word.text)
  })
}

const HIRAGANA_ONLY = /^\p{Script=Hiragana}+$/u

function termOf(word: Word, language: Language): string {
  if (word.kind === 'word') return stem(word.text, language)
  if (word.kind === 'number') return numberTerm(word.text)
  if (word.kind === 'symbol') return word.text
  return foldAccents(word.text)
}

/** `1,000` and `1000` are the same number; so are `07` and `7`, `5th` and `5`. */
function numberTerm(text: string): string {
  const plain = text.replace(/(?<=\d),(?=\d{3}(?!\d))/g, '').replace(/^(\d+)(?:st|nd|rd|th)$/, '$1')
  return /^0+\d+$/.test(plain) ? String(Number(plain)) : plain
}
