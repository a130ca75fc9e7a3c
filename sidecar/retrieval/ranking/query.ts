import { MAX_QUERY_TERMS } from '../../ports/records.ts'
import { type DateRange, findDates, type MentionedDates, namedDay, rangeOf } from '../../text/dates.ts'
import { detectLexicalFeatures } from '../../text/lexical-features.ts'
import { findRelativeDates } from '../../text/relative-dates.ts'
import { hashTerm } from '../../text/terms/hash.ts'
import { type AnswerType, detectAnswerTypes } from '../../text/terms/question-type.ts'
import { asksForAnything, type Reading, readText } from '../../text/terms/tokens.ts'
import { expandTerms } from './expansion.ts'
import { DEFAULT_SETTINGS } from './settings.ts'

/** A query, analysed once. */
export interface Query {
  reading: Reading
  dates: MentionedDates
  /** Whether a day is the one day that the query names; absent: it names none or several. */
  isNamedDay: ((day: number) => boolean) | undefined
  answerTypes: ReadonlySet<AnswerType>
  /** Whether it has no words of a subject: "What do you know about me?" */
  asksForAnything: boolean
  /** Whether it says "I" or "my", so that it is probably about the user. */
  isFirstPerson: boolean
  /** Number of words, without character bigrams. */
  length: number
}

/** Maximum UTF-16 code units of a query that are read. */
const MAX_QUERY_LENGTH = 4_000

/**
 * @param now local time that "last week" is relative to, wall clock in epoch milliseconds; absent: relative dates are
 * ignored
 */
export function analyseQuery(text: string, now?: number): Query {
  const clipped = clip(text)
  const reading = readText(clipped)
  const named = findDates(clipped)
  const relative = now === undefined ? [] : findRelativeDates(clipped, now)
  const words = reading.words.map(({ text: word }) => word)
  return {
    reading,
    dates: { ...named, ranges: [...named.ranges, ...relative] },
    isNamedDay: namedDay(named),
    answerTypes: detectAnswerTypes(reading.normal, words),
    length: reading.words.filter(({ kind }) => kind !== 'gram').length,
    isFirstPerson: detectLexicalFeatures(reading.normal, words, reading.language).firstPerson,
    asksForAnything: asksForAnything(reading),
  }
}

/** Keeps both ends of a long query, such as a pasted document: they state its subject. */
function clip(text: string): string {
  if (text.length <= MAX_QUERY_LENGTH) return text
  return `${text.slice(0, MAX_QUERY_LENGTH / 2)} ${text.slice(-MAX_QUERY_LENGTH / 2)}`
}

/** The terms that a store looks for: the forms of each word, and related words, the heaviest first. */
export function searchTermsOf({ reading }: Query): Map<number, number> {
  const weights = new Map<number, number>()
  // Memories in Latin script whose language is not known count as English.
  for (const { forms, weight, related } of expandTerms(reading, ['english'], DEFAULT_SETTINGS.expansion)) {
    for (const one of [{ forms, weight: 1 }, ...related]) {
      for (const form of one.forms) {
        const hash = hashTerm(form)
        weights.set(hash, Math.max(weight * one.weight, weights.get(hash) ?? 0))
      }
    }
  }
  const heaviest = [...weights].sort(([, a], [, b]) => b - a).slice(0, MAX_QUERY_TERMS)
  return new Map(heaviest)
}

/** The absolute ranges of time that a query names. A date without a year is that of this year and of the year before. */
export function rangesOf({ dates }: Query, now: number): DateRange[] {
  const year = new Date(now).getUTCFullYear()
  const yearly = dates.yearly.flatMap(({ month, day }) =>
    [year, year - 1].flatMap((one) => rangeOf(one, month, day) ?? []),
  )
  return [...dates.ranges, ...yearly]
}
