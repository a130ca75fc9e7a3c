import monthNames from './data/month-names.json' with { type: 'json' }

export const DAY_MS = 86_400_000

/** A half-open interval of time, epoch ms: `from` ≤ t < `to`. */
export interface DateRange {
  from: number
  to: number
}

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
 * given, relative dates ("last week", "3 days ago"). All in UTC. `text` must not be lower-cased: "May" is a month, "may" is not.
 */
export function findDates(text: string, now?: number): MentionedDates {
  const found: MentionedDates = { ranges: [], yearly: [] }
  let rest = text.normalize('NFKC')
  for (const [pattern, read] of PATTERNS) {
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

type Groups = Partial<Record<'year' | 'month' | 'day' | 'name', string>>
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

/** Ranges of relative dates in UTC days around `now`. */
function findRelativeDates(text: string, now: number): DateRange[] {
  const ranges: DateRange[] = []
  const today = Math.floor(now / DAY_MS) * DAY_MS
  for (const [pattern, fromDays, toDays] of RELATIVE_PATTERNS) {
    if (pattern.test(text)) ranges.push({ from: today + fromDays * DAY_MS, to: today + toDays * DAY_MS })
  }
  for (const match of text.matchAll(
    /(?<![\d.])(\d{1,3}|an?|two|three|four|five|six) (day|week|month|year)s? ago/gi,
  )) {
    const [, amount = '', unit = ''] = match
    const count = NUMERALS[amount.toLowerCase()] ?? Number(amount)
    const days = UNIT_DAYS[unit.toLowerCase()] as number
    const middle = today - count * days * DAY_MS
    // "Three weeks ago" means a week, not a day.
    ranges.push({ from: middle - (days / 2) * DAY_MS, to: middle + (days / 2 + 1) * DAY_MS })
  }
  return ranges
}

const NUMERALS: Record<string, number> = { a: 1, an: 1, two: 2, three: 3, four: 4, five: 5, six: 6 }

/** Patterns with their range in days from the start of today (UTC). */
const RELATIVE_PATTERNS: [RegExp, number, number][] = [
  [/\btoday\b|aujourd'hui|\bheute\b|\bhoy\b|\boggi\b|сегодня|今日|今天|오늘|วันนี้|اليوم/iu, 0, 1],
  [/\byesterday\b|\bhier\b|\bgestern\b|\bayer\b|\bieri\b|вчера|昨日|昨天|어제|เมื่อวาน|أمس/iu, -1, 0],
  [
    /\blast week\b|semaine dernière|letzte[nr]? woche|semana pasada|settimana scorsa|прошлой неделе|先週|上周|上週|上个星期|지난주|สัปดาห์ที่แล้ว|الأسبوع الماضي/iu,
    -14,
    0,
  ],
  [/\bthis week\b|cette semaine|diese woche|esta semana|今週|这周|這週|本周|이번 주|สัปดาห์นี้/iu, -7, 1],
  [
    /\blast month\b|mois dernier|letzten monat|mes pasado|mese scorso|прошлом месяце|先月|上个月|上個月|지난달|เดือนที่แล้ว|الشهر الماضي/iu,
    -61,
    -1,
  ],
  [/\bthis month\b|ce mois|diesen monat|este mes|今月|这个月|這個月|이번 달|เดือนนี้/iu, -31, 1],
  [
    /\blast year\b|l'année dernière|letztes jahr|año pasado|anno scorso|прошлом году|去年|昨年|작년|ปีที่แล้ว|العام الماضي/iu,
    -730,
    -1,
  ],
  [/\b(?:recently|lately)\b|récemment|neulich|recientemente|недавно|最近|요즘|최근|ล่าสุด/iu, -30, 1],
]

const UNIT_DAYS: Record<string, number> = { day: 1, week: 7, month: 30.44, year: 365.25 }
