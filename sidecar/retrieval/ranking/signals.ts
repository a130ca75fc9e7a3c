import {
  DAY_MS,
  type DateRange,
  findDates,
  type MentionedDates,
  namedDay,
  rangeOf,
} from '../../text/dates.ts'
import { findRelativeDates } from '../../text/relative-dates.ts'
import { type AnswerType, detectAnswerTypes } from '../../text/terms/question-type.ts'
import { queryTermsOf, readText } from '../../text/terms/tokens.ts'
import { scoreFields } from './bm25.ts'
import type { Corpus, Entry } from './corpus.ts'
import { expandTerms } from './expansion.ts'
import type { Traits } from './reading.ts'
import type { RankSettings, SignalWeights } from './settings.ts'
import { findAskedSpeakers } from './speakers.ts'
import type { Timeline } from './timeline.ts'

export type Signal = keyof SignalWeights

/** Returns the unweighted signals of the memory at a place of the timeline. */
export type Signals = (place: number) => Record<Signal, number>

export interface Query {
  text: string
  /** Embedding of the text. */
  dense?: Float32Array | undefined
  /** Local time that relative dates refer to, wall clock in epoch milliseconds. */
  now?: number | undefined
}

/** Maximum UTF-16 code units of a query that are read. */
const MAX_QUERY_LENGTH = 4_000
const WEEK_MS = 7 * DAY_MS
const TRAIT_OF: Record<AnswerType, Exclude<keyof Traits, 'informative'>> = {
  moment: 'moment',
  number: 'number',
  place: 'name',
}

/** Analyses a query once; the returned function computes the signals of any memory of the corpus. */
export function createSignals(corpus: Corpus, query: Query, settings: RankSettings): Signals {
  const { timeline } = corpus
  const text = clip(query.text)
  const reading = readText(text)
  const asked = findAskedSpeakers(reading, corpus.speakers.keys())
  const terms = expandTerms(
    queryTermsOf(reading, corpus.languages.keys()),
    asked.isName,
    corpus,
    settings.expansion,
  )
  const lexical = scoreFields(corpus, timeline, terms, settings.fields)
  const levels = sessionLevels(lexical, timeline)
  const named = findDates(text)
  const dates = withRelative(named, text, query.now)
  const isNamedDay = namedDay(named)
  const answerTypes = detectAnswerTypes(
    reading.normal,
    reading.words.map((word) => word.text),
  )
  const { dense } = query
  return (place) => {
    const slot = timeline.slots[place] as number
    const entry = corpus.entry(slot)
    return {
      lexical: lexical[place] as number,
      dense: dense ? Math.max(0, corpus.dense.dot(slot, dense)) : 0,
      speaker: asked.named.has(entry.speaker) || asked.roles.has(entry.role) ? 1 : 0,
      session: levels[place] as number,
      temporal: temporalFit(entry.localAt, dates),
      day: isNamedDay && entry.days().some(isNamedDay) ? 1 : 0,
      answer: answerFit(entry, answerTypes),
      informative: entry.traits.informative,
    }
  }
}

function withRelative(dates: MentionedDates, text: string, now: number | undefined): MentionedDates {
  if (now === undefined) return dates
  return { ...dates, ranges: [...dates.ranges, ...findRelativeDates(text, now)] }
}

/** Keeps both ends of a long query, such as a pasted document: they state its subject. */
function clip(text: string): string {
  if (text.length <= MAX_QUERY_LENGTH) return text
  return `${text.slice(0, MAX_QUERY_LENGTH / 2)} ${text.slice(-MAX_QUERY_LENGTH / 2)}`
}

/**
 * Lexical level of each place's session, by place: a conversation about the subject of the query lends weight to all
 * its memories (passage and document evidence combined: Callan 1994). The root mean square favours a few strong
 * matches and does not favour long sessions.
 */
function sessionLevels(scores: Float64Array, { starts }: Timeline): Float64Array {
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

function answerFit({ traits }: Entry, types: ReadonlySet<AnswerType>): number {
  for (const type of types) if (traits[TRAIT_OF[type]]) return 1
  return 0
}
