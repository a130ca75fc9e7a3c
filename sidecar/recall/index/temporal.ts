import { DAY_MS, type DateRange, type MentionedDates, rangeOf } from '../../text/dates.ts'

const WEEK_MS = 7 * DAY_MS

/**
 * How well a memory's time fits the dates of a question, 0…1: 1 inside a named range. People tell of a
 * thing after it happened, so a memory after the range still fits: half as well right after it, and half
 * of that again for each further week (or length of the range, if that is longer).
 */
export function temporalFit(at: number, { ranges, yearly }: MentionedDates): number {
  let best = 0
  for (const range of ranges) best = Math.max(best, fitRange(at, range))
  if (yearly.length === 0) return best
  const year = new Date(at).getUTCFullYear()
  for (const { month, day } of yearly) {
    // In January, "December" is last year's.
    for (const candidate of [year, year - 1]) {
      const range = rangeOf(candidate, month, day)
      if (range) best = Math.max(best, fitRange(at, range))
    }
  }
  return best
}

function fitRange(at: number, { from, to }: DateRange): number {
  if (at < from) return 0
  if (at < to) return 1
  return 0.5 ** (1 + (at - to) / Math.max(WEEK_MS, to - from))
}
