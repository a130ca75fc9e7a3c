import { fold } from '../memory/model/topics.ts'
import { DAY_MS, rangeOf } from '../text/date-range.ts'
import type { Placed } from './slots.ts'

/** What a person is rather than does: true for years. */
const STATIC = new Set(
  ['basic_info', 'contact', 'work', 'education', 'relationships', 'health', 'preferences'].map(fold),
)
const PLANS = fold('plans')
const RECENT_MS = 30 * DAY_MS

/** What stays: topics like `basic_info` and `work`. */
export function staticPart(kept: readonly Placed[]): Placed[] {
  return kept.filter(({ key }) => STATIC.has(key))
}

/**
 * What goes on, besides what stays: said within the last 30 days, an event of these days or to come, or a plan
 * without a date. The latest said first.
 */
export function recentPart(kept: readonly Placed[], now: number): Placed[] {
  const since = now - RECENT_MS
  return kept
    .filter(({ key, memory, saidAt }) => {
      if (STATIC.has(key)) return false
      const until = memory.event_date === null ? undefined : endOf(memory.event_date)
      return saidAt >= since || (until === undefined ? key === PLANS : until > since)
    })
    .toSorted((a, b) => b.saidAt - a.saidAt)
}

function endOf(date: string): number | undefined {
  const [year, month, day] = date.split('-').map(Number)
  return rangeOf(year as number, month === undefined ? undefined : month - 1, day)?.to
}
