import { MAX_QUERY_TERMS } from '../../ports/records.ts'
import { type DateRange, findDates, type MentionedDates, namedDay, rangeOf } from '../../text/dates.ts'
import { findRelativeDates } from '../../text/relative-dates.ts'
import { gramsOf } from '../../text/terms/grams.ts'
import { hashGram } from '../../text/terms/hash.ts'
import { type AnswerType, detectAnswerTypes } from '../../text/terms/question-type.ts'
import { type Reading, readText } from '../../text/terms/tokens.ts'
import { expandTerms } from './expansion.ts'
import type { HashedTerm } from './lexical.ts'
import { DEFAULT_SETTINGS } from './settings.ts'

/** A query, analysed once. */
export interface Query {
  reading: Reading
  /** Its character n-grams. */
  grams: readonly HashedTerm[]
  dates: MentionedDates
  /** Whether a day is the one day that the query names; absent: it names none or several. */
  isNamedDay: ((day: number) => boolean) | undefined
  answerTypes: ReadonlySet<AnswerType>
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
  return {
    reading,
    grams: countGrams(gramsOf(reading.words)),
    dates: { ...named, ranges: [...named.ranges, ...relative] },
    isNamedDay: namedDay(named),
    answerTypes: detectAnswerTypes(
      reading.normal,
      reading.words.map((word) => word.text),
    ),
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
  for (const { forms, weight } of expandTerms(reading, ['english'], DEFAULT_SETTINGS.expansion)) {
    for (const form of forms) {
      weights.set(form.hash, Math.max(weight * form.weight, weights.get(form.hash) ?? 0))
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

function countGrams(grams: readonly string[]): HashedTerm[] {
  const counts = new Map<number, number>()
  for (const gram of grams) counts.set(hashGram(gram), (counts.get(hashGram(gram)) ?? 0) + 1)
  return [...counts].map(([hash, weight]) => ({ weight, forms: [{ hash, weight: 1 }] }))
}
