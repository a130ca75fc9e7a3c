import { fold } from '../../memory/model/topics.ts'
import { DAY_MS, rangeOf } from '../../text/dates.ts'
import type { SlottedMemory } from './slots.ts'

/** Topics whose facts hold for years. */
const STATIC_TOPICS = new Set(
  ['basic_info', 'contact', 'work', 'education', 'relationships', 'health', 'preferences'].map(fold),
)
const PLANS = fold('plans')
const RECENT_MS = 30 * DAY_MS

export function selectStatic(kept: readonly SlottedMemory[]): SlottedMemory[] {
  return kept.filter(({ key }) => STATIC_TOPICS.has(key))
}

/**
 * Selects from the other topics: memories said in the last 30 days, events that end after that time or in the future,
 * and plans without a date. Most recently said first.
 */
export function selectRecent(kept: readonly SlottedMemory[], now: number): SlottedMemory[] {
  const since = now - RECENT_MS
  return kept
    .filter(({ key, memory, saidAt }) => {
      if (STATIC_TOPICS.has(key)) return false
      const end = memory.event_date === null ? undefined : endOf(memory.event_date)
      return saidAt >= since || (end === undefined ? key === PLANS : end > since)
    })
    .toSorted((a, b) => b.saidAt - a.saidAt)
}

/** @param date `YYYY`, `YYYY-MM` or `YYYY-MM-DD` */
function endOf(date: string): number | undefined {
  const [year, month, day] = date.split('-').map(Number)
  return rangeOf(year as number, month === undefined ? undefined : month - 1, day)?.to
}
