import { type LocalTime, parseLocalTime, toLocalIso } from '../../../text/local-time.ts'
import { InvalidEntry, preview } from './entry.ts'

/** `YYYY-MM-DD HH:MM[:SS[.…]]` or with a `T`, with or without a time zone. */
const ISO_LIKE = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?\s?(Z|[+-]\d{2}:?\d{2})?)?$/i

/**
 * Converts a date of an export to ISO 8601 and keeps its UTC offset. Accepts text (UTC if it names no time zone) and seconds, milliseconds or
 * microseconds since 1970.
 * @throws {InvalidEntry}
 */
export function toIso(value: unknown): string {
  if (typeof value === 'number' || (typeof value === 'string' && /^\d{9,17}(?:\.\d+)?$/.test(value))) {
    return format({ at: epochMs(Number(value)) }, value)
  }
  const text = typeof value === 'string' ? value.trim() : ''
  const match = ISO_LIKE.exec(text)
  if (match) {
    // A date alone is a local date: with Z, the time zone of the app could move it to the day before.
    const zone = match[1] ? '' : text.length > 10 ? 'Z' : 'T00:00+00:00'
    const iso = text.replace(' ', 'T').replace(',', '.').replace(' ', '')
    return format(parseLocalTime(iso + zone), value)
  }
  // Other spellings ("Tue, 03 Mar 2026 …") need a time zone; without one, `Date` would use this machine's.
  return format(/(?:GMT|UTC|Z|[+-]\d{4})$/.test(text) ? parseLocalTime(text) : { at: Number.NaN }, value)
}

/** 1e11 seconds is the year 5138, and 1e11 milliseconds was 1973. */
function epochMs(number: number): number {
  return number >= 1e14 ? number / 1000 : number >= 1e11 ? number : number * 1000
}

function format(time: LocalTime, value: unknown): string {
  const { at } = time
  if (!(at >= 0 && at < 253_402_300_800_000)) {
    const expected = 'expected a date like 2026-03-01T09:30:00Z or seconds since 1970'
    throw new InvalidEntry(`${expected}, got ${preview(value)}`)
  }
  return toLocalIso(time)
}
