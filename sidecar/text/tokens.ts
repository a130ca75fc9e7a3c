import { detectLanguage, type Language } from './language.ts'
import { foldAccents, normalise } from './normalise.ts'
import { segment, type Word } from './segment.ts'
import { stem } from './stem.ts'
import { stopWordsOf } from './stop-words.ts'

/** The index terms of a text. */
export interface Analysis {
  language: Language
  /** Stems of content words, in order, repeated as often as they occur. */
  terms: string[]
}

/** One word of a question, with every term that stands for it. */
export interface QueryTerm {
  /** As in the normalised question. */
  word: string
  /** Stems in the languages asked for; the first is that of the question's own language. */
  forms: string[]
}

/** Terms of a memory. Stop words of its language are left out unless nothing else remains. */
export function analyse(text: string): Analysis {
  const words = segment(normalise(text))
  const language = detectLanguage(words.map((word) => word.text))
  const stops = stopWordsOf(language)
  const content = words.filter((word) => !stops.has(word.text))
  return { language, terms: content.map((word) => termOf(word, language)) }
}

/**
 * Words of a question, each stemmed in its own language and in every language of `languages` (those the
 * memories were stemmed in). So question and memory agree whatever language a short question looks like.
 */
export function queryTerms(text: string, languages: Iterable<Language> = []): QueryTerm[] {
  const words = segment(normalise(text))
  const own = detectLanguage(words.map((word) => word.text))
  const all = new Set([own, ...languages])
  const stops = stopWordsOf(own)
  const content = words.filter((word) => !stops.has(word.text))
  return content.map((word) => ({
    word: word.text,
    forms: [...new Set([...all].map((language) => termOf(word, language)))],
  }))
}

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
