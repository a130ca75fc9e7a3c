import { show } from './entry.ts'

/** A date that cannot be read. */
export class BadDate extends Error {}

/** `YYYY-MM-DD HH:MM[:SS[.…]]` or with a `T`, with or without a zone. */
const WRITTEN = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?\s?(Z|[+-]\d{2}:?\d{2})?)?$/i

/**
 * A date as exports write it, as ISO 8601: a text, in UTC where it names no zone, or the seconds, milliseconds or
 * microseconds since 1970.
 * @throws {BadDate}
 */
export function toIso(value: unknown): string {
  if (typeof value === 'number' || (typeof value === 'string' && /^\d{9,17}(?:\.\d+)?$/.test(value))) {
    return fromNumber(Number(value), value)
  }
  const text = typeof value === 'string' ? value.trim() : ''
  const zone = WRITTEN.exec(text)
  const hasTime = text.length > 10
  const at = zone
    ? Date.parse(text.replace(' ', 'T').replace(',', '.') + (hasTime && !zone[1] ? 'Z' : ''))
    : Number.NaN
  // Other spellings ("Tue, 03 Mar 2026 …") only where they name their zone: else they would be of this machine.
  const other = /(?:GMT|UTC|Z|[+-]\d{4})$/.test(text) ? Date.parse(text) : Number.NaN
  return iso(zone ? at : other, value)
}

function fromNumber(number: number, value: unknown): string {
  // 1e11 seconds is the year 5138, and 1e11 milliseconds was 1973.
  const milliseconds = number >= 1e14 ? number / 1000 : number >= 1e11 ? number : number * 1000
  return iso(milliseconds, value)
}

function iso(at: number, value: unknown): string {
  if (!(at >= 0 && at < 253_402_300_800_000)) {
    throw new BadDate(`expected a date like 2026-03-01T09:30:00Z or seconds since 1970, got ${show(value)}`)
  }
  return new Date(at).toISOString()
}
