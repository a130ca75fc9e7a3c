/**
 * When a fact is near a memory, and the limits of one request. Near means: the same speaker, and the same topic and
 * sub-topic or one of the two thresholds. The thresholds are low on purpose: an unnecessary pair costs about thirty
 * tokens of a request that is made anyway, while a missed contradiction stays in the memory.
 */
export interface Rules {
  /** Memories compared with one fact (s in the Mem0 paper, arXiv 2504.19413 §2.1). */
  neighbours: number
  /**
   * Minimum cosine of near texts. Sentence embedders put paraphrases above 0.7 and unrelated facts about one person
   * below 0.4. Raise it for an embedder that gives unrelated texts a high cosine.
   */
  minCosine: number
  /** Minimum weighted share of the shorter text's content terms, regardless of the embedder. */
  minOverlap: number
  /** Distinct memories in one request; the most similar are used. */
  maxMemories: number
  /** Facts in one request; those with the most similar candidates are used, the others are added. */
  maxFacts: number
  /** DELETE decisions per batch. A chat message must not empty a memory; erasing is a separate API call. */
  maxDeletes: number
  /** DELETE decisions per fact. */
  maxDeletesPerFact: number
}

export const DEFAULT_RULES: Rules = {
  neighbours: 10,
  minCosine: 0.5,
  minOverlap: 0.5,
  maxMemories: 60,
  maxFacts: 100,
  maxDeletes: 5,
  maxDeletesPerFact: 2,
}

/** Throws a `RangeError` unless counts are integers ≥ 0 and thresholds are in 0…1. */
export function rulesWith(given: Partial<Rules> = {}): Rules {
  const rules = { ...DEFAULT_RULES, ...given }
  for (const [name, value] of Object.entries(rules)) {
    const isThreshold = name.startsWith('min')
    if (isThreshold ? value >= 0 && value <= 1 : Number.isInteger(value) && value >= 0) continue
    const expected = isThreshold ? 'a number in 0…1' : 'an integer ≥ 0'
    throw new RangeError(`rules.${name}: expected ${expected}, got ${value}`)
  }
  return rules
}
