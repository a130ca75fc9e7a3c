import { type Gate, passesAll } from './gates.ts'
import { type Ranking, walk } from './ranker.ts'
import type { Found, SearchRequest } from './recall.ts'
import { dropRepeats } from './repeats.ts'

/** The best memories that pass the gates; `isShort` if there are fewer than asked for. */
export async function selectFound(
  ranking: Ranking,
  { topK, threshold, explain }: SearchRequest,
  gates: readonly Gate[],
): Promise<{ found: Found[]; isShort: boolean }> {
  if (threshold === undefined && !ranking.isRelevant) return { found: [], isShort: false }
  const found: Found[] = []
  const memoryOf = ({ memory }: Found) => memory
  for await (const { memory, score, parts } of walk(ranking, topK)) {
    if (threshold !== undefined && score < threshold) {
      return { found: dropRepeats(found, memoryOf), isShort: false }
    }
    if (!passesAll(gates, memory)) continue
    const validUntil = ranking.validUntil?.get(memory.id) ?? null
    found.push({ memory, score, parts: explain ? parts() : undefined, validUntil })
    if (found.length < topK) continue
    const distinct = dropRepeats(found, memoryOf)
    if (distinct.length === topK) return { found: distinct, isShort: false }
  }
  return { found: dropRepeats(found, memoryOf), isShort: true }
}
