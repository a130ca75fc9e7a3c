import type { ExpansionSettings } from './expansion.ts'
import type { FieldSettings } from './lexical.ts'

/**
 * Weight of each signal. Signals are normalised by their theoretical maximum, not by the maximum of the query, so that
 * the score of a memory does not depend on the other memories (theoretical normalisation and convex combination: Bruch,
 * Gai & Ingber 2023).
 */
export interface SignalWeights {
  /** BM25F; 1 = every query term once in a memory of average length. */
  lexical: number
  /** Cosine with the query embedding. Use 0.5 or more with a neural embedder. */
  dense: number
  /** 1 if the query is about the speaker of the memory. */
  speaker: number
  /** Level of the lexical score in the memory's session. */
  session: number
  /** Fit of the memory's time to the dates in the query. */
  temporal: number
  /** 1 if the query names one day and the memory belongs to it. Outweighs all other signals together. */
  day: number
  /** 1 if the memory contains the type of answer that the query asks for: a time, a number, a place. */
  answer: number
  /** Prior that the memory contains a fact. */
  informative: number
}

export interface RankSettings {
  fields: FieldSettings
  expansion: ExpansionSettings
  weights: SignalWeights
}

/** Round numbers on a plateau: halving or doubling one of them changes recall by about 0.01. */
export const DEFAULT_SETTINGS: RankSettings = {
  fields: { k1: 1.2, b: 0.5, before: 0.5, after: 0.25, second: 0.25 },
  expansion: { synonyms: 0.25, members: 0.5, asking: 0.5, name: 0.25 },
  weights: {
    lexical: 1,
    dense: 0.05,
    speaker: 0.2,
    session: 0.4,
    temporal: 0.2,
    day: 2,
    answer: 0.1,
    informative: 0.15,
  },
}

/** With a neural embedder. */
export const NEURAL_SETTINGS: RankSettings = {
  ...DEFAULT_SETTINGS,
  weights: { ...DEFAULT_SETTINGS.weights, dense: 0.5 },
}
