import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  inZone,
  isTimeZone,
  type LocalTime,
  parseLocalTime,
  toLocalDate,
  toLocalIso,
} from '../../../sidecar/text/local-time.ts'

describe('parseLocalTime', () => {
  it.each([
    ['2026-03-01T00:30:00+09:00', 540],
    ['2026-03-01T00:30:00-03:30', -210],
    ['2026-03-01T00:30:00+00:00', 0],
    ['2026-03-01T00:30:00-0700', -420],
    // RFC 9557: the instant is known, the local time is not.
    ['2026-03-01T00:30:00Z', undefined],
    ['2026-03-01T00:30:00-00:00', undefined],
    ['Mon, 02 Mar 2026 10:00:00 GMT', undefined],
  ])('reads the offset of %s as %s minutes', (text, utc_offset) => {
    expect(parseLocalTime(text)).toEqual({
      at: Date.parse(text),
      ...(utc_offset === undefined ? {} : { utc_offset }),
    })
  })

  it('reads what toLocalIso writes', () => {
    const time = fc.record({
      at: fc.integer({ min: 0, max: 4e12 }),
      utc_offset: fc.option(fc.integer({ min: -14 * 60, max: 14 * 60 }), { nil: undefined }),
    })
    const isReadBack = (one: LocalTime) => expect(parseLocalTime(toLocalIso(one))).toEqual(one)
    fc.assert(fc.property(time, (one) => void isReadBack(one)))
  })
})

describe('the local date', () => {
  it.each<[string, string, string]>([
    ['2026-02-28T15:30:00Z', 'Asia/Tokyo', '2026-03-01T00:30:00.000+09:00'],
    ['2026-02-28T15:30:00Z', 'UTC', '2026-02-28T15:30:00.000Z'],
    ['2026-03-01T03:00:00Z', 'America/St_Johns', '2026-02-28T23:30:00.000-03:30'],
    ['2025-12-31T23:59:59.999Z', 'Asia/Kathmandu', '2026-01-01T05:44:59.999+05:45'],
    // Daylight-saving time begins and ends.
    ['2026-03-08T06:59:59Z', 'America/New_York', '2026-03-08T01:59:59.000-05:00'],
    ['2026-03-08T07:00:00Z', 'America/New_York', '2026-03-08T03:00:00.000-04:00'],
    ['2026-11-01T05:30:00Z', 'America/New_York', '2026-11-01T01:30:00.000-04:00'],
    ['2026-11-01T06:30:00Z', 'America/New_York', '2026-11-01T01:30:00.000-05:00'],
    ['2026-03-29T00:59:00Z', 'Europe/London', '2026-03-29T00:59:00.000+00:00'],
    ['2026-03-29T01:00:00Z', 'Europe/London', '2026-03-29T02:00:00.000+01:00'],
    ['2026-07-14T22:30:00Z', 'Europe/Berlin', '2026-07-15T00:30:00.000+02:00'],
    ['2026-01-14T22:30:00Z', 'Europe/Berlin', '2026-01-14T23:30:00.000+01:00'],
    // Lord Howe Island changes by half an hour, and on the other half of the globe.
    ['2026-04-04T14:59:00Z', 'Australia/Lord_Howe', '2026-04-05T01:59:00.000+11:00'],
    ['2026-04-04T15:00:00Z', 'Australia/Lord_Howe', '2026-04-05T01:30:00.000+10:30'],
    // Samoa skipped 30 December 2011.
    ['2011-12-30T09:59:00Z', 'Pacific/Apia', '2011-12-29T23:59:00.000-10:00'],
    ['2011-12-30T10:00:00Z', 'Pacific/Apia', '2011-12-31T00:00:00.000+14:00'],
    ['1969-07-20T20:17:00Z', 'America/Chicago', '1969-07-20T15:17:00.000-05:00'],
  ])('of %s in %s is that of %s', (utc, zone, local) => {
    const time = inZone(parseLocalTime(utc), zone)
    expect(toLocalIso(time)).toBe(local)
    expect(toLocalDate(time)).toBe(local.slice(0, 10))
  })

  it('is that of the offset where one is known', () => {
    const time = inZone(parseLocalTime('2026-03-01T00:30:00+09:00'), 'America/New_York')
    expect(toLocalIso(time)).toBe('2026-03-01T00:30:00.000+09:00')
  })

  it('is that of UTC for a zone that this runtime does not know', () => {
    expect(toLocalDate(inZone({ at: Date.UTC(2026, 2, 1) }, 'Mars/Olympus_Mons'))).toBe('2026-03-01')
  })
})

it.each([
  ['Asia/Tokyo', true],
  ['UTC', true],
  ['Etc/GMT-9', true],
  ['europe/berlin', true],
  ['+09:00', false],
  ['Asia/Nowhere', false],
  ['', false],
  ['Local time', false],
])('isTimeZone(%j) is %s', (name, expected) => {
  expect(isTimeZone(name)).toBe(expected)
})
