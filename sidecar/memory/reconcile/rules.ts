/**
 * When a fact is near a memory, and how much one request may hold and change. Near means: the same speaker, and the
 * same topic slot or one of the two thresholds. They are low on purpose: a pair that is asked for nothing costs some
 * thirty tokens of a request that is made anyway, while a contradiction that is not asked stays in the memory.
 */
export interface Rules {
  /** Memories compared with one fact (s in the Mem0 paper, arXiv 2504.19413 §2.1). */
  neighbours: number
  /**
   * Cosine from which two texts are near. Sentence embedders put paraphrases above 0.7 and unrelated facts about one
   * person below 0.4; raise it for a model whose unrelated texts score high.
   */
  minCosine: number
  /** Weighted share of the shorter text's content terms, from which two texts are near whatever the embedder says. */
  minOverlap: number
  /** Distinct memories in one request; the most similar are kept. */
  maxMemories: number
  /** Facts in one request; those most similar to something known are kept, the others are added. */
  maxFacts: number
  /** DELETE decisions of one batch. What somebody says in a chat must not empty a memory; erasing is another call. */
  maxDeletes: number
  /** DELETE decisions of one fact. */
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

/** Counts must be whole and not negative, thresholds within 0…1; else a `RangeError` names the rule. */
export function rulesWith(given: Partial<Rules> = {}): Rules {
  const rules = { ...DEFAULT_RULES, ...given }
  for (const [name, value] of Object.entries(rules)) {
    const threshold = name.startsWith('min')
    if (threshold ? value >= 0 && value <= 1 : Number.isInteger(value) && value >= 0) continue
    const expected = threshold ? 'a number from 0 to 1' : 'a whole number of at least 0'
    throw new RangeError(`Expected \`rules.${name}\` to be ${expected}, got ${value}`)
  }
  return rules
}
