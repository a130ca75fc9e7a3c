import type { FieldSettings } from './bm25.ts'
import type { ExpansionSettings } from './expansion.ts'

/**
 * Weight of each signal. Every signal is scaled by what it can reach rather than by what it reached for
 * this question, so a memory's score does not depend on which others there are (theoretical
 * normalisation and convex combination: Bruch, Gai & Ingber 2023).
 */
export interface SignalWeights {
  /** BM25F; 1 = every term of the question once. */
  lexical: number
  /** Cosine with the query's embedding. A neural embedder deserves 0.5 or more. */
  dense: number
  /** The memory is by a speaker that the question is about. */
  speaker: number
  /** Level of the lexical score in the memory's session. */
  session: number
  /** Fit of the memory's time to the dates in the question. */
  temporal: number
  /** The memory has the kind of thing that is asked for: a moment, a number, a place. */
  answer: number
  /** The memory is likely to hold a fact at all. */
  informative: number
}

export interface RankSettings {
  fields: FieldSettings
  expansion: ExpansionSettings
  weights: SignalWeights
}

/** Round numbers on a plateau: halving or doubling one of them moves recall by about a hundredth. */
export const DEFAULT_SETTINGS: RankSettings = {
  fields: { k1: 1.2, b: 0.5, before: 0.5, after: 0.25, second: 0.25 },
  expansion: { synonyms: 0.25, members: 0.5, alike: 0.5, asking: 0.5, name: 0.25 },
  weights: {
    lexical: 1,
    dense: 0.05,
    speaker: 0.2,
    session: 0.4,
    temporal: 0.2,
    answer: 0.1,
    informative: 0.15,
  },
}
