import type { ExpansionSettings } from './expansion.ts'
import type { FieldSettings } from './lexical.ts'

/** Weight of each signal in the sum. Lexical signals are normalised by their theoretical maximum (Bruch, Gai & Ingber 2023). */
export interface SignalWeights {
  /** BM25F over words; 1 = every query term once in a memory of average length. */
  lexical: number
  /** The same over character n-grams. */
  grams: number
  /** Level of the lexical scores in the memory's session. */
  session: number
  /** Cosine with the query embedding, in standard deviations from the mean of the candidates. */
  dense: number
  /** The same of the other memories of the turn. */
  turnDense: number
  /** 1 if the query names the speaker of the memory. */
  speaker: number
  /** 1 for words of the assistant if the query asks for them ("what did you say"). */
  assistant: number
  /** Fit of the memory's time to the dates in the query. */
  temporal: number
  /** 1 if the query names one day and the memory belongs to it. Outweighs all other signals together. */
  day: number
  /** 1 if the memory contains the type of answer that the query asks for: a time, a number, a place. */
  answer: number
  /** Prior that the memory contains a fact. */
  informative: number
  /** Natural logarithm of 1 + the number of terms. */
  length: number
  /** Share of the memory's sentences that are questions. */
  question: number
  /** 1 if the user said it. */
  user: number
  /** Nearness in the graph of entities, where a recall asks for it. */
  graph: number
}

export interface RankSettings {
  fields: FieldSettings
  expansion: ExpansionSettings
  weights: SignalWeights
  /**
   * Evidence from which a query counts as answerable. Chosen on `bench/talks`: real questions lose no recall
   * (`docs/benchmarks.md` has the curve).
   */
  floor: number
}

/**
 * Round numbers, chosen on bench/talks and LoCoMo together. In the experiment, weights chosen without the language of the
 * question cost 0.01 of recall@3, 0.02 of recall@5 and 0.03 of recall@10 (docs/benchmarks.md).
 */
export const DEFAULT_SETTINGS: RankSettings = {
  fields: { k1: 1.2, b: 0.5, turn: 0.75, before: 0.35, after: 0.15, second: 0.1 },
  expansion: { related: 1, asking: 0.5, name: 0.25 },
  weights: {
    lexical: 1.6,
    grams: 1,
    session: 0.25,
    // The vectors of the lexical embedder add nothing to the n-grams.
    dense: 0,
    turnDense: 0,
    speaker: 0.6,
    assistant: 0.25,
    temporal: 0.6,
    day: 6,
    answer: 0.25,
    informative: 0.33,
    length: 0.1,
    question: -0.25,
    user: 0.12,
    graph: 0.6,
  },
  floor: 0.19,
}

/** With a neural embedder. */
export const NEURAL_SETTINGS: RankSettings = {
  ...DEFAULT_SETTINGS,
  weights: { ...DEFAULT_SETTINGS.weights, dense: 0.35, turnDense: 0.2 },
  floor: 0.22,
}

/** Whether the similarities of the embedder count. If not, a query need not be embedded. */
export function countsVectors({ weights }: RankSettings): boolean {
  return weights.dense !== 0 || weights.turnDense !== 0
}
