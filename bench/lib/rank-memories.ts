import { type Statement, toSearchEntry } from '../../sidecar/memory/search/entry.ts'
import type { Candidate } from '../../sidecar/ports/records.ts'
import { analyseQuery } from '../../sidecar/retrieval/ranking/query.ts'
import { type Ranked, type RankOptions, rank } from '../../sidecar/retrieval/ranking/rank.ts'
import type { RankSettings } from '../../sidecar/retrieval/ranking/settings.ts'
import { dotProduct } from '../../sidecar/retrieval/ranking/similarity-scale.ts'

export interface SpokenMemory extends Statement {
  id: string
  dense?: Float32Array | undefined
}

/** A memory as a store keeps it. */
export type Indexed = Pick<Candidate, 'id' | 'search'> & { dense: Float32Array | undefined }

export function indexMemory({ id, dense, ...statement }: SpokenMemory): Indexed {
  return { id, dense, search: toSearchEntry(statement) }
}

/** Ranks all memories, as the sidecar does in a scope that has few. */
export function rankMemories(
  memories: readonly Indexed[],
  query: string,
  {
    dense,
    now,
    settings,
    strengths,
  }: { dense?: Float32Array; now?: number; settings?: RankSettings | undefined } & Pick<
    RankOptions,
    'strengths'
  > = {},
): Ranked[] {
  const candidates = memories.map((memory) => ({
    ...memory,
    similarity: dense && memory.dense ? dotProduct(dense, memory.dense) : 0,
  }))
  return rank(candidates, analyseQuery(query, now), { total: candidates.length }, settings, { strengths })
    .ranked
}
