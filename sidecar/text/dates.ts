import monthNames from './data/month-names.json' with { type: 'json' }
import { DAY_MS, type DateRange, findRelativeDates } from './relative-dates.ts'

export { DAY_MS, type DateRange }

/** Dates are compared as wall-clock times: as if the local time were UTC. See `toWallClock`. */

/** The dates that a text mentions: absolute ranges, and months or days without a year. */
export interface MentionedDates {
  ranges: DateRange[]
  /** "in May", "on 7 May": month 0…11, day 1…31 when given. */
  yearly: { month: number; day?: number }[]
}

/** The range of a year, month or day; `undefined` when the calendar has no such date. `month` is 0…11. */
export function rangeOf(year: number, month?: number, day?: number): DateRange | undefined {
  const from = Date.UTC(year, month ?? 0, day ?? 1)
  if (month !== undefined && (month < 0 || month > 11)) return undefined
  if (day !== undefined && new Date(from).getUTCDate() !== day) return undefined
  if (month === undefined) return { from, to: Date.UTC(year + 1, 0, 1) }
  return { from, to: day === undefined ? Date.UTC(year, month + 1, 1) : from + DAY_MS }
}

/**
 * Finds ISO dates, days, months and years in some twenty languages, East Asian year-month-day dates and, when `now` is
 * given, relative dates ("last week", "3 days ago"). `text` must not be lower-cased: "May" is a month, "may" is not.
 * @param now local time of the text, wall clock in epoch milliseconds
 */
export function findDates(text: string, now?: number): MentionedDates {
  const found: MentionedDates = { ranges: [], yearly: [] }
  let rest = text.normalize('NFKC').replace(HAN_NUMBER, readHanNumber)
  const hasDigit = /\d/.test(rest)
  for (const [pattern, read] of PATTERNS) {
    if (!hasDigit && read !== readLoneName) continue
    rest = rest.replace(pattern, (match, ...groups) => {
      const named = groups.at(-1)
      return read(typeof named === 'object' ? named : {}, found) ? ' ' : match
    })
  }
  if (now !== undefined) found.ranges.push(...findRelativeDates(rest, now))
  return found
}

/**
 * Number (0…11) of each month name. Names are from CLDR, January to December, in lower case; a second line of a
 * language has the form used in dates. They are data because building them with `Intl` takes 50 ms. `-`: no name.
 */
const MONTHS: ReadonlyMap<string, number> = new Map(
  monthNames
    .flatMap((line) => line.split(' ').map((name, month) => [name, month] as const))
    .filter(([name]) => name !== '-')
    .reverse(),
)

type Groups = Partial<Record<'year' | 'month' | 'day' | 'name', string | undefined>>
type Reader = (groups: Groups, found: MentionedDates) => boolean

const NAME = [...MONTHS.keys()]
  .sort((a, b) => b.length - a.length)
  .map((name) => name.replace(/[.\\]/g, '\\$&'))
  .join('|')
const LETTER_BEFORE = '(?<![\\p{L}\\p{N}])'
const LETTER_AFTER = '(?![\\p{L}\\p{N}])'
const DAY = '(?<day>\\d{1,2})(?:st|nd|rd|th|er|º|\\.)?'
const YEAR = '(?<year>(?:19|20)\\d{2}|25\\d{2})'
const MONTH = `(?<name>${NAME})\\.?`

/** Longest forms first: each match is removed from the text, so `7 May 2023` is not matched again as `May`. */
const PATTERNS: [RegExp, Reader][] = [
  [/(?<![\d.])(?<day>\d{1,2})\.\s?(?<month>\d{1,2})\.\s?(?<year>(?:19|20)\d{2})(?!\d)/g, readNumbers],
  [/(?<![\d/-])(?<day>\d{1,2})([/-])(?<month>\d{1,2})\2(?<year>(?:19|20)\d{2})(?!\d)/g, readUnclearOrder],
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
  // A month alone must be capitalised where the script has capitals: "may" and "march" are verbs.
  [/(?<=[\p{L},]\s)(?<name>\p{L}[\p{L}\p{M}]{2,})/gu, readLoneName],
  [/(?<![\d.,$€£¥])(?<year>(?:19|20)\d{2})(?![\d.,]\d|\d|\p{L}|%)/gu, readNumbers],
]

function readNumbers({ year, month, day }: Groups, found: MentionedDates): boolean {
  const m = month === undefined ? undefined : Number(month) - 1
  const d = day === undefined ? undefined : Number(day)
  return add(found, year === undefined ? undefined : Number(year), m, d)
}

/** 09/04/2026 is a day of April in most countries and of September in the United States. */
function readUnclearOrder(groups: Groups, found: MentionedDates): boolean {
  const { day, month } = groups
  const isDayFirst = readNumbers(groups, found)
  if (day === month) return isDayFirst
  return readNumbers({ ...groups, day: month, month: day }, found) || isDayFirst
}

function readNames({ name, year, day }: Groups, found: MentionedDates): boolean {
  const month = MONTHS.get((name ?? '').toLowerCase())
  if (month === undefined) return false
  return add(
    found,
    year === undefined ? undefined : Number(year),
    month,
    day === undefined ? undefined : Number(day),
  )
}

function readLoneName(groups: Groups, found: MentionedDates): boolean {
  const { name = '' } = groups
  if (LOWER_CASE_WORDS.has(name) || AMBIGUOUS_NAMES.has(name.toLowerCase())) return false
  return readNames(groups, found)
}

/** Month names that are common words in lower case. */
const LOWER_CASE_WORDS = new Set(['may', 'march', 'mar', 'jan', 'mei', 'mai', 'sep', 'dec'])
/** Month names of one language that are common words in another (a brand, a planet, a shop). */
const AMBIGUOUS_NAMES = new Set(['marca', 'mars', 'mart', 'maj'])

function add(
  found: MentionedDates,
  year: number | undefined,
  month: number | undefined,
  day: number | undefined,
): boolean {
  if (year === undefined) {
    // 2024 is a leap year, so 29 February is valid.
    if (month === undefined || !rangeOf(2024, month, day)) return false
    found.yearly.push(day === undefined ? { month } : { month, day })
    return true
  }
  // The Thai calendar starts in 543 BC.
  const range = rangeOf(year >= 2400 ? year - 543 : year, month, day)
  if (range) found.ranges.push(range)
  return range !== undefined
}

/** A number in Chinese characters before 年, 月 or 日. */
const HAN_NUMBER = /[〇零一二三四五六七八九十]{1,4}(?=\s*[年月日号號])/g
const HAN_DIGITS = '〇一二三四五六七八九'

/** 二十九 is 29, 二〇二六 is 2026. */
function readHanNumber(text: string): string {
  const digits = text
    .replace(/零/g, '〇')
    .replace(/./g, (one) => (one === '十' ? one : String(HAN_DIGITS.indexOf(one))))
  const [tens, units] = digits.split('十')
  return units === undefined ? digits : String(Number(tens || 1) * 10 + Number(units))
}

/** Whether a day, given by its start, is the one day that the dates name; `undefined` if they name none or several. */
export function namedDay({ ranges, yearly }: MentionedDates): ((day: number) => boolean) | undefined {
  const days = ranges.filter(isDay)
  const daysOfYear = yearly.filter(({ day }) => day !== undefined)
  if (days.length + daysOfYear.length !== 1) return undefined
  const [range] = days
  if (range) return (day) => day === range.from
  return (day) => {
    const date = new Date(day)
    return date.getUTCMonth() === daysOfYear[0]?.month && date.getUTCDate() === daysOfYear[0].day
  }
}

/** Starts of the days that a statement belongs to: the day it was said, and the days that it names. @param eventDate `YYYY-MM-DD`; shorter ones are no day */
export function daysOf(text: string, saidAt: number, eventDate?: string | null): number[] {
  // Most texts have no digits, and then no day of a month; this makes it six times faster.
  const { ranges, yearly } = /[\d〇一二三四五六七八九十]/.test(text)
    ? findDates(text, saidAt)
    : { ranges: findRelativeDates(text, saidAt), yearly: [] }
  const named = yearly.flatMap(({ month, day }) => (day === undefined ? [] : nearest(month, day, saidAt)))
  const event = eventDate?.length === 10 ? [Date.parse(eventDate)] : []
  return [startOfDay(saidAt), ...event, ...ranges.filter(isDay).map(({ from }) => from), ...named]
}

function startOfDay(time: number): number {
  return Math.floor(time / DAY_MS) * DAY_MS
}

function isDay({ from, to }: DateRange): boolean {
  return to - from === DAY_MS
}

/** The day of a year that is nearest to a time. */
function nearest(month: number, day: number, time: number): number[] {
  const year = new Date(time).getUTCFullYear()
  const days = [year - 1, year, year + 1].flatMap((one) => rangeOf(one, month, day)?.from ?? [])
  return days.sort((a, b) => Math.abs(a - time) - Math.abs(b - time)).slice(0, 1)
}
