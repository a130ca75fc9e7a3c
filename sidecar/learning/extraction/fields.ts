import { DAY_MS, findDates } from '../../text/dates.ts'
import NAMES from './data/field-names.json' with { type: 'json' }
import { isObject, type Json, type JsonObject } from './model-json.ts'
import type { Fact, Importance } from './types.ts'

/** A field of the answer. `NAMES` has its folded names in order of precedence; the first is the requested one. */
export type Field = keyof typeof NAMES

function namesOf(field: Field): string[] {
  return NAMES[field].split(' ')
}

/** The value of a field under the first of its names that the object has. */
export function fieldOf(object: JsonObject, field: Field): Json | undefined {
  const byName = new Map(Object.entries(object).map(([key, value]) => [foldKey(key), value]))
  const name = namesOf(field).find((one) => byName.has(one))
  return name === undefined ? undefined : byName.get(name)
}

export function isNameOf(key: string, field: Field): boolean {
  return namesOf(field).includes(foldKey(key))
}

/** `Event Date`, `eventDate`, `event-date` and `event_date` are the same name. */
function foldKey(key: string): string {
  return key.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '')
}

/** A fact as the model gave it: its fields are parsed but not yet checked against the batch. */
export interface RawFact extends Omit<Fact, 'role' | 'source'> {
  /** Numbers of the cited messages, which may not exist. */
  numbers: number[]
}

/** Reads an item of "facts"; `undefined` when it has no text or only a placeholder. */
export function readFact(item: Json): RawFact | undefined {
  if (typeof item === 'string') return readFact({ text: item })
  if (!isObject(item)) return undefined
  const text = fieldOf(item, 'text')
  if (typeof text !== 'string' || isPlaceholder(text)) return undefined
  const [topic = '', subTopic = ''] = readText(fieldOf(item, 'topic')).split(/\s*(?:::|\/|>|→)\s*/u)
  return {
    text: clean(text),
    topic,
    subTopic: readText(fieldOf(item, 'subTopic')) || subTopic,
    numbers: readNumbers(fieldOf(item, 'messages')),
    importance: readImportance(fieldOf(item, 'importance')),
    eventDate: readDate(fieldOf(item, 'date')),
    speaker: readText(fieldOf(item, 'speaker')),
  }
}

/** The text of a field; of a list its first element. */
export function readText(value: Json | undefined): string {
  if (typeof value === 'string') return clean(value)
  return Array.isArray(value) ? readText(value[0]) : ''
}

/** Trims, removes lone surrogates, and decodes escapes that were escaped twice (`\\\\u5c0f`). */
export function clean(text: string): string {
  const decoded = text.replace(/\\u([0-9a-f]{4})/giu, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  )
  return decoded.toWellFormed().replaceAll('\ufffd', '').trim()
}

/** Whether the model says in words that there is nothing to remember. */
export function isSaidToBeEmpty(text: string): boolean {
  return text.length <= 120 && !/^(?:none|null|-)$/iu.test(text) && NOTHING.test(text)
}

/** Unfilled parts of the template, or a word for "nothing". */
export function isPlaceholder(text: string): boolean {
  const trimmed = text.trim()
  return trimmed === '' || NOTHING.test(trimmed) || PLACEHOLDER.test(trimmed)
}

/** Reads message numbers in the forms that models use: 3, "3", "#3", "msg 3", "1-3", [1, "2"], {"id": 1}. */
export function readNumbers(value: Json | undefined): number[] {
  if (typeof value === 'number') return [value]
  if (typeof value === 'string') return numbersIn(value)
  if (Array.isArray(value)) return value.slice(0, MAX_NUMBERS).flatMap(readNumbers)
  return isObject(value) ? readNumbers(Object.values(value)[0]) : []
}

function numbersIn(text: string): number[] {
  const found: number[] = []
  // "1-3" is a range unless it is part of a date or an identifier.
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

/** Reads 1…5, clamped. Fractions ("0.8", "4/5") and words ("high") are converted; anything else is 3. */
export function readImportance(value: Json | undefined): Importance {
  if (typeof value === 'number') return clamp(value)
  if (typeof value !== 'string') return 3
  const text = value.normalize('NFKC').trim().toLowerCase()
  const word = IMPORTANCE_WORDS.find(([, pattern]) => pattern.test(text))
  if (word) return word[0]
  const [, part, whole] = /(\d+(?:\.\d+)?)\s*(?:\/\s*(\d+))?/u.exec(text) ?? []
  if (part === undefined) return 3
  return clamp(whole === undefined ? Number(part) : (Number(part) * 5) / Number(whole))
}

const IMPORTANCE_WORDS: [Importance, RegExp][] = [
  [5, /critical|vital|very high/u],
  [4, /high/u],
  [3, /medium|moderate|normal/u],
  [2, /low/u],
  [1, /trivial|minor|none/u],
]

function clamp(number: number): Importance {
  if (!Number.isFinite(number)) return 3
  const scaled = number > 0 && number < 1 ? number * 5 : number
  return Math.min(5, Math.max(1, Math.round(scaled))) as Importance
}

/** Reads a date as `YYYY`, `YYYY-MM` or `YYYY-MM-DD`; `null` for no date and for an unreadable one. */
export function readDate(value: Json | undefined): string | null {
  if (typeof value === 'number') return readDate(String(value))
  if (typeof value !== 'string') return null
  const text = value.normalize('NFKC').trim()
  const [, year, month, day] = NUMERIC_DATE.exec(text) ?? []
  if (year !== undefined) return calendarDate(Number(year), month, day)
  const { ranges } = findDates(text)
  const [range] = ranges
  if (!range || ranges.length > 1) return null
  const days = (range.to - range.from) / DAY_MS
  return new Date(range.from).toISOString().slice(0, days <= 1 ? 10 : days <= 31 ? 7 : 4)
}

function calendarDate(year: number, month?: string, day?: string): string | null {
  const date = new Date(Date.UTC(year, Number(month ?? 1) - 1, Number(day ?? 1)))
  const exists = date.getUTCMonth() === Number(month ?? 1) - 1 && date.getUTCDate() === Number(day ?? 1)
  // Date.UTC maps the years 0…99 to 1900…1999.
  return exists && year >= 1000 ? date.toISOString().slice(0, day ? 10 : month ? 7 : 4) : null
}

const NUMERIC_DATE = /^(\d{4})(?:[-/.](\d{1,2})(?:[-/.](\d{1,2}))?)?(?:[T\s].*)?$/u
const NOTHING =
  /^(?:none|null|nothing|n\/a|\[\]|-|无|無|没有|なし|ありません|없음|(?:there (?:are|is|were) )?(?:no|nothing) ?(?:new |relevant |extractable |notable |important |memorable )*(?:facts?|memories|information|details|personal information)?(?: (?:to|was|were|worth|in|that|found|extract(?:ed)?|remember(?:ed)?|be|store|the|this|conversation|messages?|batch))*)?[.。!]?$/iu
const PLACEHOLDER =
  /^(?:\.{2,}|…|string|text|fact|str|(?:the |your |a |an )?(?:example )?(?:fact|sentence|memory)(?: text| here| goes here| \d)?|<[^<>]{0,80}>|\{[^{}]{0,80}\}|\[[^[\]]{0,80}\]|lorem ipsum.*)$/iu
