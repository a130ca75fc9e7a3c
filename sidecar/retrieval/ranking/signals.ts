import type { Features } from '../../memory/search/entry.ts'
import type { Candidate } from '../../ports/records.ts'
import { DAY_MS, type DateRange, type MentionedDates, rangeOf } from '../../text/dates.ts'
import { gramsOf } from '../../text/terms/grams.ts'
import { hashGram, hashTerm } from '../../text/terms/hash.ts'
import type { AnswerType } from '../../text/terms/question-type.ts'
import { expandTerms } from './expansion.ts'
import { type Statistics, scoreLexically } from './lexical.ts'
import type { Query } from './query.ts'
import { countsVectors, type RankSettings, type SignalWeights } from './settings.ts'
import type { SimilarityScale } from './similarity-scale.ts'
import { findAskedSpeakers } from './speakers.ts'
import type { Timeline, Turn } from './timeline.ts'

export type Signal = keyof SignalWeights

/** A candidate with its features read. */
export type RankedItem = { features: Features } & Pick<Candidate, 'id' | 'search' | 'similarity'>

const NONE = new Uint32Array()
const WEEK_MS = 7 * DAY_MS
const TRAIT_OF: Record<AnswerType, 'moment' | 'number' | 'name'> = {
  moment: 'moment',
  number: 'number',
  place: 'name',
}

/** Unweighted signals of the candidates, each by place on the timeline. */
export function createSignals(
  timeline: Timeline<RankedItem>,
  { reading, dates, isNamedDay, answerTypes }: Query,
  statistics: Statistics,
  settings: RankSettings,
  { scale, strengths }: { scale: SimilarityScale | undefined; strengths: ReadonlyMap<string, number> },
): Record<Signal, ArrayLike<number>> {
  const { items } = timeline
  const features = items.map((item) => item.features)
  const asked = findAskedSpeakers(reading, new Set(features.map(({ speaker }) => speaker)))
  const languages = new Set(features.map(({ language }) => language))
  const terms = expandTerms(reading, languages, settings.expansion, asked.isName)
  const words = {
    values: items.map(({ search }) => search.terms),
    // The text before the first message of a turn is that of the turn before, which has a weight of its own.
    contexts: items.map(({ features, search }) => (features.ordinal > 0 ? search.context : NONE)),
    hash: hashTerm,
  }
  const lexical = scoreLexically(words, timeline, terms, statistics, settings.fields)
  const grams = [...new Set(gramsOf(reading.words))].map((gram) => ({
    forms: [gram],
    weight: 1,
    related: [],
  }))
  const characters = { values: items.map(({ search }) => search.grams), hash: hashGram }
  // Stores do not count n-grams.
  const ngrams = scoreLexically(characters, timeline, grams, { total: items.length }, settings.fields)
  const isNeural = countsVectors(settings)
  const dense = standardise(
    items.map(({ similarity }) => (isNeural ? similarity : 0)),
    scale,
  )
  const levels = sessionLevels(lexical, timeline)
  const ngramLevels = sessionLevels(ngrams, timeline)
  const toNumber = (is: boolean) => (is ? 1 : 0)
  return {
    lexical,
    grams: ngrams,
    session: levels.map((level, place) => level + (ngramLevels[place] as number)),
    dense,
    turnDense: items.map((_, place) => bestOfTurn(timeline, dense, place)),
    speaker: features.map(({ speaker }) => toNumber(asked.named.has(speaker))),
    assistant: features.map(({ role }) => toNumber(asked.asksAssistant && role === 'assistant')),
    temporal: features.map(({ localAt }) => temporalFit(localAt, dates)),
    day: features.map(({ days }) => toNumber(isNamedDay !== undefined && days.some(isNamedDay))),
    answer: features.map((one) => answerFit(one, answerTypes)),
    informative: features.map(({ informative }) => informative),
    length: items.map(({ search }) => Math.log1p(search.terms.length)),
    question: features.map(({ questions }) => questions),
    user: features.map(({ role }) => toNumber(role === 'user')),
    graph: items.map(({ id }) => strengths.get(id) ?? 0),
  }
}

/** Standard deviation of the cosines of one query, and the number of candidates that it counts as. */
const USUAL_DEVIATION = 0.03
const USUAL_COUNT = 5

/**
 * Cosines in standard deviations from that of unrelated texts; while this is not known, from the mean of the candidates,
 * of which few have to do with the query. 0 for a memory without an embedding.
 */
function standardise(similarities: readonly number[], scale: SimilarityScale | undefined): number[] {
  if (scale) return similarities.map((one) => (one === 0 ? 0 : (one - scale.mean) / scale.deviation))
  const known = similarities.filter((one) => one !== 0)
  const n = known.length
  if (n === 0) return similarities.map(() => 0)
  const mean = known.reduce((sum, one) => sum + one, 0) / n
  const squares = known.reduce((sum, one) => sum + (one - mean) ** 2, 0)
  const deviation = Math.sqrt((squares + USUAL_COUNT * USUAL_DEVIATION ** 2) / (n + USUAL_COUNT))
  return similarities.map((one) => (one === 0 ? 0 : (one - mean) / deviation))
}

/** The highest value of the other memories of a turn; 0 without any. */
function bestOfTurn({ turns, turnOf }: Timeline<unknown>, values: readonly number[], place: number): number {
  const { start, end } = turns[turnOf[place] as number] as Turn
  let best = Number.NEGATIVE_INFINITY
  for (let other = start; other < end; other++) {
    if (other !== place) best = Math.max(best, values[other] as number)
  }
  return end - start > 1 ? best : 0
}

/**
 * Lexical level of each place's session, by place: a conversation about the subject of the query lends weight to all
 * its memories (passage and document evidence combined: Callan 1994). The root mean square favours a few strong
 * matches and does not favour long sessions.
 */
function sessionLevels(scores: Float64Array, { sessions: starts }: Timeline<unknown>): Float64Array {
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

function answerFit(features: Features, types: ReadonlySet<AnswerType>): number {
  for (const type of types) if (features[TRAIT_OF[type]]) return 1
  return 0
}
