/** A point in time, and the UTC offset of the place where it was written down. */
export interface LocalTime {
  /** Epoch milliseconds. */
  at: number
  /** Minutes east of UTC; absent: unknown. */
  utc_offset?: number | undefined
}

export const UTC = 'UTC'

const MINUTE_MS = 60_000
/** ISO 8601 says at most 14 hours; `Date.parse` reads up to 23:59, which RFC 3339 allows. */
const OFFSET = /([+-])(\d{2}):?(\d{2})$/

/**
 * Reads a time that `Date.parse` accepts. `Z` and `-00:00` state the instant but no local time (RFC 9557, section 2.2).
 */
export function parseLocalTime(text: string): LocalTime {
  const at = Date.parse(text)
  const [, sign, hours, minutes] = OFFSET.exec(text.trim()) ?? []
  const size = Number(hours) * 60 + Number(minutes)
  if (sign === undefined || (sign === '-' && size === 0)) return { at }
  return { at, utc_offset: sign === '-' ? -size : size }
}

/** The wall-clock time as if it were UTC, epoch milliseconds: compares and renders local dates. */
export function toWallClock({ at, utc_offset = 0 }: LocalTime): number {
  return at + utc_offset * MINUTE_MS
}

/** `YYYY-MM-DD` where it was said; in UTC when that is unknown. */
export function toLocalDate(time: LocalTime): string {
  return new Date(toWallClock(time)).toISOString().slice(0, 10)
}

/** ISO 8601 with the known offset, otherwise with `Z`. */
export function toLocalIso(time: LocalTime): string {
  const text = new Date(toWallClock(time)).toISOString()
  return time.utc_offset === undefined ? text : `${text.slice(0, -1)}${formatOffset(time.utc_offset)}`
}

function formatOffset(minutes: number): string {
  const size = Math.abs(minutes)
  const [hours, rest] = [Math.floor(size / 60), size % 60].map((part) => String(part).padStart(2, '0'))
  return `${minutes < 0 ? '-' : '+'}${hours}:${rest}`
}

/** Adds the offset of the zone where none is known. */
export function inZone(time: LocalTime, zone: string = UTC): LocalTime {
  if (time.utc_offset !== undefined || zone === UTC) return time
  return { ...time, utc_offset: offsetIn(zone, time.at) }
}

/** Whether this is an IANA name such as `Asia/Tokyo`. */
export function isTimeZone(name: string): boolean {
  // `Intl` also accepts offsets such as `+09:00`, which have no daylight-saving time.
  if (!/^[A-Za-z]/.test(name)) return false
  try {
    formatOf(name)
    return true
  } catch {
    return false
  }
}

/** Minutes east of UTC in the zone at this instant. 0 for a zone that this runtime does not know. */
function offsetIn(zone: string, at: number): number {
  if (!isTimeZone(zone)) return 0
  const parts = formatOf(zone).formatToParts(at)
  const [year, month, day, hour, minute] = ['year', 'month', 'day', 'hour', 'minute'].map((type) =>
    Number(parts.find((part) => part.type === type)?.value),
  ) as [number, number, number, number, number]
  const wallClock = Date.UTC(year, month - 1, day, hour, minute)
  return Math.round((wallClock - Math.floor(at / MINUTE_MS) * MINUTE_MS) / MINUTE_MS)
}

/** Creating a format takes about 50 µs. There are some 600 names. */
const formats = new Map<string, Intl.DateTimeFormat>()

function formatOf(zone: string): Intl.DateTimeFormat {
  // Names are case-insensitive; other spellings of one must not fill the map.
  const key = zone.toLowerCase()
  const known = formats.get(key)
  if (known) return known
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  })
  formats.set(key, format)
  return format
}
