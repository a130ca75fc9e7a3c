import type { Importance } from '../types.ts'
import type { Json } from './parse.ts'

/** Numbers of messages as models write them: 3, "3", "#3", "msg 3", "1-3", [1, "2"], {"id": 1}, "１、２". */
export function readNumbers(value: Json | undefined): number[] {
  if (typeof value === 'number') return [value]
  if (typeof value === 'string') return numbersIn(value)
  if (Array.isArray(value)) return value.slice(0, MAX_NUMBERS).flatMap(readNumbers)
  if (typeof value === 'object' && value !== null) return readNumbers(Object.values(value)[0])
  return []
}

function numbersIn(text: string): number[] {
  const found: number[] = []
  // "1-3" is a range, unless it is part of a date or of an identifier.
  for (const [, from, to] of text
    .normalize('NFKC')
    .matchAll(/(?<![\w-])(?:[a-z]{1,8}[ _]?)?#?(\d{1,6})(?:\s*[-–~〜]\s*#?(\d{1,6}))?(?![\w-])/giu)) {
    const first = Number(from)
    const last = to === undefined ? first : Number(to)
    if (last < first || last - first > MAX_NUMBERS) found.push(first, last)
    else for (let number = first; number <= last; number++) found.push(number)
  }
  return found.slice(0, MAX_NUMBERS)
}

const MAX_NUMBERS = 200

/** 1…5, clamped; shares ("0.8"), words ("high", "高") and "4/5" are understood, anything else is 3. */
export function readImportance(value: Json | undefined): Importance {
  if (typeof value === 'string') {
    const text = value.normalize('NFKC').trim().toLowerCase()
    const word = WORDS.find(([, words]) => words.test(text))
    if (word) return word[0]
    const [, part, whole] = /(\d+(?:\.\d+)?)\s*(?:\/\s*(\d+))?/u.exec(text) ?? []
    if (part === undefined) return 3
    return clamp(whole === undefined ? Number(part) : (Number(part) * 5) / Number(whole))
  }
  return typeof value === 'number' ? clamp(value) : 3
}

function clamp(number: number): Importance {
  if (!Number.isFinite(number)) return 3
  const scaled = number > 0 && number < 1 ? number * 5 : number
  return Math.min(5, Math.max(1, Math.round(scaled))) as Importance
}

const WORDS: [Importance, RegExp][] = [
  [5, /critical|vital|very high|极高|非常|最高|매우/u],
  [4, /high|hoch|alta|élevée|高|높/u],
  [3, /medium|moderate|normal|mittel|media|moyenne|中|보통/u],
  [2, /low|niedrig|baja|faible|低|낮/u],
  [1, /trivial|minor|none|极低/u],
]

/** `YYYY`, `YYYY-MM` or `YYYY-MM-DD`; `null` for none, `undefined` for what is no date of the calendar. */
export function readDate(value: Json | undefined): string | null | undefined {
  if (value === null || value === undefined || value === false) return null
  if (typeof value === 'number') return value >= 1000 && value <= 2999 ? String(value) : undefined
  if (typeof value !== 'string') return undefined
  const text = value.normalize('NFKC').trim()
  if (NO_DATE.test(text)) return null
  const digits = DIGITS.exec(text)
  if (digits) return calendarDate(Number(digits[1]), digits[2], digits[3])
  const words = DAY_FIRST.exec(text) ?? MONTH_FIRST.exec(text)
  const { day, month = '', year } = words?.groups ?? {}
  const index = MONTHS.indexOf(month.slice(0, 3).toLowerCase()) + 1
  return index === 0 ? undefined : calendarDate(Number(year), String(index), day)
}

function calendarDate(year: number, month?: string, day?: string): string | undefined {
  // Date.UTC takes the years 0 to 99 for 1900 to 1999.
  if (year < 1000) return undefined
  const date = new Date(Date.UTC(year, Number(month ?? 1) - 1, Number(day ?? 1)))
  const exists = date.getUTCMonth() === Number(month ?? 1) - 1 && date.getUTCDate() === Number(day ?? 1)
  if (!exists) return undefined
  return date.toISOString().slice(0, day ? 10 : month ? 7 : 4)
}

const NO_DATE =
  /^(?:|null|none|nil|n\/?a|unknown|not specified|unspecified|undefined|-+|无|無|なし|없음|不明|未知|ninguna|aucune?|keine?|нет)$/iu
const DIGITS =
  /^(\d{4})(?:\s*[-/.年년]\s*(\d{1,2})(?:\s*[-/.月월]\s*(\d{1,2})(?:\s*[日일])?)?\s*[月월]?|\s*[年년])?(?:[T\s].*)?$/u
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const MONTH = '(?<month>jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*\\.?'
const DAY = '(?<day>\\d{1,2})(?:st|nd|rd|th)?'
const DAY_FIRST = new RegExp(`^(?:\\w{3,9}, )?${DAY}(?: of)? ${MONTH},? (?<year>\\d{4})$`, 'iu')
const MONTH_FIRST = new RegExp(`^${MONTH}(?: ${DAY})?,? (?<year>\\d{4})$`, 'iu')
