import { findDates } from '../../text/dates.ts'
import { type AnswerType, detectAnswerTypes } from '../../text/question-type.ts'
import { queryTermsOf, readText } from '../../text/tokens.ts'
import { scoreFields } from './bm25.ts'
import type { Corpus, Entry } from './corpus.ts'
import { expandTerms } from './expansion.ts'
import { sessionLevels } from './neighbourhood.ts'
import type { RankSettings, SignalWeights } from './settings.ts'
import { askedSpeakers } from './speakers.ts'
import { temporalFit } from './temporal.ts'
import type { Traits } from './traits.ts'

export type Signal = keyof SignalWeights

/** The value of each signal for the memory at a place, before weighting. */
export type Signals = (place: number) => Record<Signal, number>

export interface Query {
  text: string
  /** Embedding of the text. */
  dense?: Float32Array | undefined
  /** What relative dates are relative to, epoch ms. */
  now?: number | undefined
}

/** Reads a question against a corpus once; the answer gives the signals of any of its memories. */
export function signalsFor(corpus: Corpus, query: Query, settings: RankSettings): Signals {
  const { timeline } = corpus
  const text = bounded(query.text)
  const reading = readText(text)
  const asked = askedSpeakers(reading, corpus.speakers.keys())
  const terms = expandTerms(
    queryTermsOf(reading, corpus.languages.keys()),
    asked.isName,
    corpus,
    settings.expansion,
  )
  const lexical = scoreFields(corpus, timeline, terms, settings.fields)
  const levels = sessionLevels(lexical, timeline)
  const dates = findDates(text, query.now)
  const kinds = detectAnswerTypes(
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
      temporal: temporalFit(entry.at, dates),
      answer: answers(entry, kinds),
      informative: entry.traits.informative,
    }
  }
}

/** Most UTF-16 code units of a query that are read. */
const MAX_QUERY = 4_000

/** A pasted document as a query: what it is about stands at its ends. */
function bounded(text: string): string {
  if (text.length <= MAX_QUERY) return text
  return `${text.slice(0, MAX_QUERY / 2)} ${text.slice(-MAX_QUERY / 2)}`
}

const TRAIT_OF: Record<AnswerType, Exclude<keyof Traits, 'informative'>> = {
  moment: 'moment',
  number: 'number',
  place: 'name',
}

function answers({ traits }: Entry, kinds: ReadonlySet<AnswerType>): number {
  for (const kind of kinds) if (traits[TRAIT_OF[kind]]) return 1
  return 0
}
