import { LRUCache } from 'lru-cache'
import { parseScopeKey } from '../../memory/model/scope.ts'
import type { Embedder } from '../../ports/embedder.ts'
import type { Account } from '../../ports/language-model.ts'
import { boundedTo } from '../../text/lru.ts'
import data from './data/unrelated-texts.json' with { type: 'json' }

/** The cosines that an embedder gives to unrelated texts. */
export interface SimilarityScale {
  mean: number
  deviation: number
}

/** Embedders of near-constant output would make any difference look large. */
const MIN_DEVIATION = 0.01

/**
 * Measures an embedder on questions and statements that have nothing to do with each other. Embedders use different
 * parts of the scale from 0 to 1: unrelated texts have a cosine of 0.79 with multilingual-e5-small, and of 0.1 with others.
 */
async function measureScale(embedder: Embedder, account?: Account): Promise<SimilarityScale> {
  const [questions, statements] = await Promise.all([
    embedder.embed(data.questions, 'query', undefined, account),
    embedder.embed(data.statements, 'document', undefined, account),
  ])
  const cosines = questions.flatMap((question) =>
    statements.map((statement) => dotProduct(question, statement)),
  )
  const mean = cosines.reduce((sum, one) => sum + one, 0) / cosines.length
  const variance = cosines.reduce((sum, one) => sum + (one - mean) ** 2, 0) / cosines.length
  return { mean, deviation: Math.max(MIN_DEVIATION, Math.sqrt(variance)) }
}

/** Time before another attempt after a failure, milliseconds. */
const RETRY_MS = 60_000

/** Namespaces whose scale is kept. */
const MAX_NAMESPACES = 1000

/**
 * Measures the embedder at the first call; answers `undefined` until the scale is known. Where clients embed, each
 * namespace has a scale of its own, so that no client changes the ranking of another one.
 */
export function createScale(
  embedder: Embedder,
  now: () => number,
): (scope: string) => SimilarityScale | undefined {
  const states = new LRUCache<string, { scale?: SimilarityScale; nextAttempt: number }>(
    boundedTo(MAX_NAMESPACES),
  )
  return (scope) => {
    const isByClients = embedder.isReachable !== undefined
    const namespace = isByClients ? parseScopeKey(scope).namespace : ''
    const state = states.get(namespace) ?? { nextAttempt: 0 }
    const isReachable = embedder.isReachable?.(scope) ?? true
    if (!state.scale && now() >= state.nextAttempt && isReachable) {
      state.nextAttempt = now() + RETRY_MS
      states.set(namespace, state)
      measureScale(embedder, isByClients ? { scope } : undefined)
        .then((measured) => {
          state.scale = measured
        })
        // The embedder reports its failures itself.
        .catch(() => {})
    }
    return state.scale
  }
}

/** Similarity of two unit vectors of one embedder. */
export function dotProduct(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number)
  return sum
}

/**
 * Cosine of two unit vectors; 0 for vectors of different lengths (of different embedders) and for values that are not
 * numbers.
 */
export function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const product = a.length === b.length ? dotProduct(a, b) : 0
  return Number.isFinite(product) ? product : 0
}
