import type { Features } from '../../memory/search/entry.ts'
import type { Candidate } from '../../ports/records.ts'
import { DAY_MS, type DateRange, type MentionedDates, rangeOf } from '../../text/dates.ts'
import type { AnswerType } from '../../text/terms/question-type.ts'
import { expandTerms } from './expansion.ts'
import { type Statistics, scoreLexically } from './lexical.ts'
import type { Query } from './query.ts'
import type { RankSettings, SignalWeights } from './settings.ts'
import { findAskedSpeakers } from './speakers.ts'
import type { Timeline } from './timeline.ts'

export type Signal = keyof SignalWeights

/** A candidate with its features read. */
export type RankedItem = Features & Pick<Candidate, 'id' | 'search' | 'similarity'>

const WEEK_MS = 7 * DAY_MS
const TRAIT_OF: Record<AnswerType, 'moment' | 'number' | 'name'> = {
  moment: 'moment',
  number: 'number',
  place: 'name',
}

/** Returns the unweighted signals of the candidate at a place of the timeline. */
export function createSignals(
  timeline: Timeline<RankedItem>,
  { reading, dates, isNamedDay, answerTypes }: Query,
  statistics: Statistics,
  settings: RankSettings,
): (place: number) => Record<Signal, number> {
  const { items } = timeline
  const asked = findAskedSpeakers(reading, new Set(items.map(({ speaker }) => speaker)))
  const languages = new Set(items.map(({ language }) => language))
  const terms = expandTerms(reading, languages, settings.expansion, asked.isName)
  const lexical = scoreLexically(timeline, terms, statistics, settings.fields)
  const levels = sessionLevels(lexical, timeline)
  return (place) => {
    const item = items[place] as RankedItem
    return {
      lexical: lexical[place] as number,
      dense: Math.max(0, item.similarity),
      speaker: asked.named.has(item.speaker) || asked.roles.has(item.role) ? 1 : 0,
      session: levels[place] as number,
      temporal: temporalFit(item.localAt, dates),
      day: isNamedDay && item.days.some(isNamedDay) ? 1 : 0,
      answer: answerFit(item, answerTypes),
      informative: item.informative,
    }
  }
}

/**
 * Lexical level of each place's session, by place: a conversation about the subject of the query lends weight to all
 * its memories (passage and document evidence combined: Callan 1994). The root mean square favours a few strong
 * matches and does not favour long sessions.
 */
function sessionLevels(scores: Float64Array, { starts }: Pick<Timeline<unknown>, 'starts'>): Float64Array {
  const levels = new Float64Array(scores.length)
  for (let session = 0; session + 1 < starts.length; session++) {
    const from = starts[session] as number
    const to = starts[session + 1] as number
    let sum = 0
    for (let place = from; place < to; place++) sum += (scores[place] as number) ** 2
    levels.fill(Math.sqrt(sum / (to - from)), from, to)
  }
  return levels
}

/**
 * Fit of a memory's time to the dates of a query, 0…1: 1 inside a range. People report events after they happened, so
 * the fit is ½ right after the range and halves with each further week (or length of the range, if longer).
 */
function temporalFit(at: number, { ranges, yearly }: MentionedDates): number {
  let best = 0
  for (const range of ranges) best = Math.max(best, rangeFit(at, range))
  if (yearly.length === 0) return best
  const year = new Date(at).getUTCFullYear()
  for (const { month, day } of yearly) {
    // In January, "December" refers to the previous year.
    for (const candidate of [year, year - 1]) {
      const range = rangeOf(candidate, month, day)
      if (range) best = Math.max(best, rangeFit(at, range))
    }
  }
  return best
}

function rangeFit(at: number, { from, to }: DateRange): number {
  if (at < from) return 0
  if (at < to) return 1
  return 0.5 ** (1 + (at - to) / Math.max(WEEK_MS, to - from))
}

function answerFit(item: RankedItem, types: ReadonlySet<AnswerType>): number {
  for (const type of types) if (item[TRAIT_OF[type]]) return 1
  return 0
}
