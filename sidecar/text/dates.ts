import { type DateRange, rangeOf } from './date-range.ts'
import { MONTHS } from './months.ts'
import { relativeRanges } from './relative-dates.ts'

/** What a text says about time: absolute ranges, and months or days of any year. */
export interface NamedDates {
  ranges: DateRange[]
  /** "in May", "on 7 May": month 0…11, day 1…31 when given. */
  yearly: { month: number; day?: number }[]
}

/**
 * Dates in a text: ISO dates, days, months and years in some twenty languages (month names from
 * `Intl`), East Asian year-month-day, and, given `now`, relative ones ("last week", "3 days ago"). All
 * in UTC. `text` is the raw text: case tells May from may.
 */
export function namedDates(text: string, now?: number): NamedDates {
  const found: NamedDates = { ranges: [], yearly: [] }
  let rest = text.normalize('NFKC')
  for (const [pattern, read] of PATTERNS) {
    rest = rest.replace(pattern, (match, ...groups) => {
      const named = groups.at(-1)
      return read(typeof named === 'object' ? named : {}, found) ? ' ' : match
    })
  }
  if (now !== undefined) found.ranges.push(...relativeRanges(rest, now))
  return found
}

type Groups = Partial<Record<'year' | 'month' | 'day' | 'name', string>>
type Reader = (groups: Groups, found: NamedDates) => boolean

const NAME = [...MONTHS.keys()]
  .sort((a, b) => b.length - a.length)
  .map((name) => name.replace(/[.\\]/g, '\\$&'))
  .join('|')
const LETTER_BEFORE = '(?<![\\p{L}\\p{N}])'
const LETTER_AFTER = '(?![\\p{L}\\p{N}])'
const DAY = '(?<day>\\d{1,2})(?:st|nd|rd|th|er|º|\\.)?'
const YEAR = '(?<year>(?:19|20)\\d{2}|25\\d{2})'
const MONTH = `(?<name>${NAME})\\.?`

/** Longest forms first: each takes its text away, so that `7 May 2023` is not read again as `May`. */
const PATTERNS: [RegExp, Reader][] = [
  [/(?<!\d)(?<year>(?:19|20)\d{2})[-/.](?<month>\d{1,2})[-/.](?<day>\d{1,2})(?!\d)/g, readNumbers],
  [
    /(?<year>(?:19|20)\d{2})\s*[年년]\s*(?:(?<month>\d{1,2})\s*[月월]\s*(?:(?<day>\d{1,2})\s*[日일号號])?)?/g,
    readNumbers,
  ],
  [/(?<!\d)(?<month>\d{1,2})\s*[月월]\s*(?:(?<day>\d{1,2})\s*[日일号號])?/g, readNumbers],
  [/(?<!\d)(?<year>(?:19|20)\d{2})-(?<month>\d{2})(?![\d-])/g, readNumbers],
  [
    new RegExp(`(?<!\\d)${DAY}\\s*(?:of\\s+|de\\s+|d')?${MONTH},?\\s*(?:de\\s+|del\\s+)?${YEAR}`, 'giu'),
    readNames,
  ],
  [new RegExp(`${LETTER_BEFORE}${MONTH}\\s+${DAY},?\\s+${YEAR}(?!\\d)`, 'giu'), readNames],
  [new RegExp(`${LETTER_BEFORE}${MONTH},?\\s*(?:of\\s+|de\\s+|del\\s+)?${YEAR}(?!\\d)`, 'giu'), readNames],
  [new RegExp(`(?<!\\d)${DAY}\\s*(?:of\\s+|de\\s+|d')?${MONTH}${LETTER_AFTER}`, 'giu'), readNames],
  [new RegExp(`${LETTER_BEFORE}${MONTH}\\s+${DAY}(?![\\d\\p{L}])`, 'giu'), readNames],
  // Alone, a month must be written like a name where names have capitals; "may" and "march" are verbs.
  [/(?<=[\p{L},]\s)(?<name>\p{L}[\p{L}\p{M}]{2,})/gu, readLoneName],
  [/(?<![\d.,$€£¥])(?<year>(?:19|20)\d{2})(?![\d.,]\d|\d|\p{L}|%)/gu, readNumbers],
]

function readNumbers({ year, month, day }: Groups, found: NamedDates): boolean {
  const m = month === undefined ? undefined : Number(month) - 1
  const d = day === undefined ? undefined : Number(day)
  return add(found, year === undefined ? undefined : Number(year), m, d)
}

function readNames({ name, year, day }: Groups, found: NamedDates): boolean {
  const month = MONTHS.get((name ?? '').toLowerCase())
  if (month === undefined) return false
  return add(
    found,
    year === undefined ? undefined : Number(year),
    month,
    day === undefined ? undefined : Number(day),
  )
}

function readLoneName(groups: Groups, found: NamedDates): boolean {
  const { name = '' } = groups
  if (WORDS_TOO.has(name) || NEVER_ALONE.has(name.toLowerCase())) return false
  return readNames(groups, found)
}

/** Month names that are everyday words when they begin with a small letter. */
const WORDS_TOO = new Set(['may', 'march', 'mar', 'jan', 'mei', 'mai', 'sep', 'dec'])
/** Month names of one language that are everyday words of others: a brand, a planet, a shop. */
const NEVER_ALONE = new Set(['marca', 'mars', 'mart', 'maj'])

function add(
  found: NamedDates,
  year: number | undefined,
  month: number | undefined,
  day: number | undefined,
): boolean {
  if (year === undefined) {
    // 2024 was a leap year: 29 February is a day of some years.
    if (month === undefined || !rangeOf(2024, month, day)) return false
    found.yearly.push(day === undefined ? { month } : { month, day })
    return true
  }
  // The Thai calendar counts from 543 BC.
  const range = rangeOf(year >= 2400 ? year - 543 : year, month, day)
  if (range) found.ranges.push(range)
  return range !== undefined
}
