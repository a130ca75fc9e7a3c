import type { ExpansionSettings } from './expansion.ts'
import type { FieldSettings } from './lexical.ts'

/**
 * Weight of each signal. The lexical signals are normalised by their theoretical maximum, not by the maximum of the
 * query (theoretical normalisation and convex combination: Bruch, Gai & Ingber 2023). Similarities are standardised over
 * the candidates of the query, because embedders use different parts of their scale.
 */
export interface SignalWeights {
  /** BM25F of terms; 1 = every query term once in a memory of average length. */
  terms: number
  /** BM25F of character n-grams. */
  grams: number
  /** Level of the terms in the session of the memory. */
  sessionTerms: number
  /** Level of the n-grams in the session of the memory. */
  sessionGrams: number
  /** Cosine with the query embedding, in standard deviations above the mean of the candidates. */
  dense: number
  /** The same for the other messages of the turn. */
  denseMate: number
  /** 1 if the query is about the speaker of the memory. */
  speaker: number
  /** Fit of the memory's time to the dates in the query. */
  temporal: number
  /** 1 if the query names one day and the memory belongs to it. Outweighs all other signals together. */
  day: number
  /** 1 if the memory contains the type of answer that the query asks for: a time, a number, a place. */
  answer: number
  /** Prior that the memory contains a fact. */
  informative: number
  /** Logarithm of the number of terms plus one. */
  length: number
  /** Share of the sentences that merely ask. */
  asking: number
  /** 1 for a statement of the user. */
  user: number
}

export interface RankSettings {
  fields: FieldSettings
  expansion: ExpansionSettings
  weights: SignalWeights
}

/**
 * For an embedder without meaning, whose vectors find candidates only. Round numbers on a plateau, chosen on
 * conversations in six languages and on LoCoMo together, leaving out one language at a time (`docs/benchmarks.md`).
 */
export const DEFAULT_SETTINGS: RankSettings = {
  fields: { k1: 1.2, b: 0.5, mate: 0.75, before: 0.25, after: 0.1, second: 0.1 },
  expansion: { related: 1, asking: 0.5, name: 0.25 },
  weights: {
    terms: 1.6,
    grams: 1,
    sessionTerms: 0.2,
    sessionGrams: 0.3,
    dense: 0,
    denseMate: 0,
    speaker: 0.6,
    temporal: 0.6,
    day: 6,
    answer: 0.25,
    informative: 0.33,
    length: 0.1,
    asking: -0.25,
    user: 0.12,
  },
}

/** With a neural embedder. */
export const NEURAL_SETTINGS: RankSettings = {
  ...DEFAULT_SETTINGS,
  weights: { ...DEFAULT_SETTINGS.weights, dense: 0.35, denseMate: 0.09 },
}
