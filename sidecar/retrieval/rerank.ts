import type { Memory } from '../memory/model/memory.ts'
import type { Reranker } from '../ports/reranker.ts'
import type { Ranking } from './ranker.ts'

/**
 * Orders the best candidates of a ranking by the relevance that a reranker gives them, 0…1; the others follow with a
 * score of 0. Returns `undefined` when the reranker is late or fails.
 */
export async function rerank(
  ranking: Ranking,
  query: string,
  scope: string,
  reranker: Reranker,
  signal: AbortSignal | undefined,
): Promise<Ranking | undefined> {
  const best = ranking.ranked.slice(0, reranker.maxDocuments)
  const memories = await ranking.read(best.map(({ id }) => id))
  if (memories.length === 0) return ranking
  const relevances = await reranker.rerank(query, memories.map(toDocument), signal, { scope })
  if (!relevances) return undefined
  const relevanceOf = new Map(memories.map(({ id }, i) => [id, relevances[i] ?? 0]))
  const ranked = ranking.ranked.map(({ id, parts }) => {
    const score = relevanceOf.get(id) ?? 0
    return { id, score, parts: () => ({ ...parts(), rerank: score }) }
  })
  return { ...ranking, ranked: ranked.sort((a, b) => b.score - a.score) }
}

/** A short answer is understood with the question before it. */
function toDocument({ text, context }: Memory): string {
  return context === null || text.length > SHORT ? text : `${context}\n${text}`
}

/** UTF-16 code units. */
const SHORT = 200
