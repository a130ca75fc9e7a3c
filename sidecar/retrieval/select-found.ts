import type { Memory } from '../memory/model/memory.ts'
import { type Gate, passesAll } from './gates.ts'
import { type Ranking, walk } from './ranker.ts'
import { dropRepeats } from './repeats.ts'

export interface Found {
  memory: Memory
  score: number
  parts?: Record<string, number> | undefined
  /** With `asOf`: end of validity of this version, epoch milliseconds. */
  validUntil: number | null
}

interface Selection {
  topK: number
  threshold?: number | undefined
  explain?: boolean | undefined
}

/** The best memories that pass the gates; `isShort` if there are fewer than asked for. */
export async function selectFound(
  ranking: Ranking,
  { topK, threshold, explain }: Selection,
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
